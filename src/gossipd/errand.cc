#include "gossipd/errand.h"

#include <algorithm>

#include "gossip/limits.h"
#include "gossip/text.h"

namespace gossip::daemon {
namespace {

constexpr std::uint8_t kMessage = 1, kText = 2, kStop = 3, kEnded = 4;
constexpr std::size_t kPiece = 32 * 1024;

// Of a person's own surroundings: where things are, how to speak, and where a desktop listens.
constexpr std::string_view kKept[] = {"HOME",   "PATH",     "USER",    "LOGNAME",         "SHELL",           "LANG",
                                      "LC_ALL", "LC_CTYPE", "TZ",      "TMPDIR",          "XDG_DATA_HOME",   "XDG_RUNTIME_DIR",
                                      "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "GOSSIPD_DB_PATH", "GOSSIPD_USERNAME"};

bool kept(std::string_view entry) {
  const std::string_view name = entry.substr(0, entry.find('='));
  return std::find(std::begin(kKept), std::end(kKept), name) != std::end(kKept);
}

void put(Bytes& out, std::string_view text) {
  text = text.substr(0, 255);
  Writer(out).u8(static_cast<std::uint8_t>(text.size())).bytes(as_view(text));
}

std::string get(Reader& in) { return std::string(as_text(in.take(in.u8()))); }

}  // namespace

std::vector<Bytes> packets_of(const Errand& errand) {
  std::vector<Bytes> out(1);
  Writer(out[0]).u8(kMessage).u32(static_cast<std::uint32_t>(errand.text.size()));
  for (const std::string* field : {&errand.id, &errand.delivered_by, &errand.sender, &errand.heard}) put(out[0], *field);
  for (View rest = as_view(errand.text); !rest.empty(); rest = rest.subspan(std::min(rest.size(), kPiece)))
    Writer(out.emplace_back()).u8(kText).bytes(rest.first(std::min(rest.size(), kPiece)));
  return out;
}

Bytes stop_packet() { return {kStop}; }

Bytes packet_of(const Ending& ending) { return {kEnded, static_cast<std::uint8_t>(ending.how), ending.code}; }

std::optional<Ending> ending_of(View packet) {
  Reader in(packet);
  if (in.u8() != kEnded) return std::nullopt;
  const std::uint8_t how = in.u8(), code = in.u8();
  if (!in.done() || how > static_cast<std::uint8_t>(Ending::How::kUnstarted)) return std::nullopt;
  return Ending{static_cast<Ending::How>(how), code};
}

Inbox::Came Inbox::take(View packet) {
  Reader in(packet);
  const std::uint8_t kind = in.u8();
  if (kind == kStop && in.done()) return Came::kStop;
  if (kind == kMessage && missing_ == 0) {
    missing_ = in.u32();
    for (std::string* field : {&errand_.id, &errand_.delivered_by, &errand_.sender, &errand_.heard}) *field = get(in);
    errand_.text.clear();
    if (!in.done() || missing_ > kMaxText) return Came::kNonsense;
  } else if (kind == kText && missing_ > 0 && in.left() > 0 && in.left() <= missing_) {
    missing_ -= in.left();
    errand_.text += as_text(in.rest());
  } else {
    return Came::kNonsense;
  }
  return missing_ == 0 ? Came::kErrand : Came::kPart;
}

std::vector<std::string> hook_environment(const Errand& errand, const std::vector<std::string>& present) {
  std::vector<std::string> out;
  std::copy_if(present.begin(), present.end(), std::back_inserter(out), kept);
  out.push_back("GOSSIP_ID=" + shown(errand.id, Show::kSender));
  out.push_back("GOSSIP_DELIVERED_BY=" + shown(errand.delivered_by, Show::kSender));
  out.push_back("GOSSIP_SENDER=" + shown(errand.sender, Show::kSender));
  out.push_back("GOSSIP_HEARD=" + shown(errand.heard, Show::kSender));
  return out;
}

}  // namespace gossip::daemon
