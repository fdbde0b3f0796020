// Messages for people at a terminal. No line of a text can pass for a message or a quotation: it begins further to the right.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "gossip/text.h"
#include "gossipc/layout.h"
#include "gossipc/when.h"
#include "gossipc/wrap.h"

namespace gossip::client {
namespace {

constexpr std::size_t kQuoteIndent = 4, kBodyIndent = 8, kReplyIndent = 2, kDeepest = 8, kLeastRoom = 20;
constexpr std::size_t kIdDigits = 8;
// They read well on a light ground and on a dark one.
constexpr const char *kDim = "\x1b[2m", *kBold = "\x1b[1m", *kPurple = "\x1b[35m", *kPlain = "\x1b[0m";

std::string short_id(const Hash& id) { return to_hex(id).substr(0, kIdDigits); }

// The lines of a text, sanitized, tabs as blanks.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::string& to = out.emplace_back();
    for (std::size_t tab; (tab = line.find('\t')) != line.npos; line.remove_prefix(tab + 1)) {
      append_shown(to, line.substr(0, tab), Show::kLine);
      to += "    ";
    }
    append_shown(to, line, Show::kLine);
    at = end + 1;
  }
  while (out.size() > 1 && out.back().empty()) out.pop_back();
  return out;
}

class Human final : public Layout {
 public:
  Human(db::Database& db, const Terminal& terminal) : db_(db), terminal_(terminal) {}

  // Answers stand under what they answer, where that is on the same page; elsewhere, under a line that quotes it.
  void print(const std::vector<db::Shown>& page, Out& out) override {
    std::map<Hash, std::size_t> at;
    for (std::size_t i = 0; i < page.size(); ++i) at.emplace(page[i].id, i);
    answers_.assign(page.size(), {});
    std::vector<bool> answer(page.size(), false);
    for (std::size_t i = 0; i < page.size(); ++i) {
      const std::vector<Hash>& parents = page[i].parents;
      const auto parent = std::find_if(parents.begin(), parents.end(), [&](const Hash& id) { return at.contains(id); });
      if (parent == parents.end()) continue;
      answers_[at.at(*parent)].push_back(i);
      answer[i] = true;
    }
    look_up(page);
    std::string text;
    for (std::size_t i = 0; i < page.size(); ++i) {
      if (!answer[i]) thread(page, i, text);
    }
    out.put(text);
  }

 private:
  struct Place {
    std::size_t row, depth;
    const Hash* under;  // the message above, or null
  };

  void look_up(const std::vector<db::Shown>& page) {
    std::vector<Hash> wanted;
    for (const db::Shown& message : page) wanted.insert(wanted.end(), message.parents.begin(), message.parents.end());
    answered_ = wanted.empty() ? std::map<Hash, Seq>() : db::find_messages(db_, wanted);
  }

  void thread(const std::vector<db::Shown>& page, std::size_t root, std::string& out) {
    std::vector<Place> todo{{root, 0, nullptr}};
    while (!todo.empty()) {
      const Place now = todo.back();
      todo.pop_back();
      const db::Shown& message = page[now.row];
      std::size_t depth = now.depth;
      day(message, out);
      for (const Hash& parent : message.parents) {
        if (now.under && parent == *now.under) continue;
        quote(parent, out);
        if (!now.under) depth = 1;
      }
      put(message, std::min(depth, kDeepest), out);
      const std::vector<std::size_t>& below = answers_[now.row];
      for (auto i = below.rbegin(); i != below.rend(); ++i) todo.push_back({*i, depth + 1, &message.id});
    }
  }

  std::string styled(const char* how, const std::string& text) const { return terminal_.colour ? how + text + kPlain : text; }

  void day(const db::Shown& message, std::string& out) {
    std::string today = format_utc(message.heard_ms).substr(0, 10);
    if (today == day_) return;
    out += styled(kDim, today) + "\n";
    day_ = std::move(today);
  }

  // One line, cut off where the terminal ends.
  void quote(const Hash& id, std::string& out) {
    std::string line = "re " + short_id(id);
    const auto found = answered_.find(id);
    const std::optional<db::Shown> parent = found != answered_.end() ? db::read_message(db_, found->second) : std::nullopt;
    if (!parent) {
      line += ", a message that is not here";
    } else if (const char* instead = instead_of_text(*parent)) {
      line += std::string(": ") + instead;
    } else {
      line += " " + shown(parent->sender, Show::kLine) + ": " + lines_of(std::string_view(parent->text).substr(0, 4096))[0];
    }
    out += std::string(kQuoteIndent, ' ') + styled(kDim, cut(std::move(line), room_behind(kQuoteIndent))) + "\n";
  }

  static std::string cut(std::string line, std::size_t room) {
    if (columns(line) <= room) return line;
    line.resize(fitting(line, room - 3));
    if (line.ends_with(' ')) line.pop_back();
    return line + "...";
  }

  std::size_t room_behind(std::size_t used) const {
    return terminal_.width > used + kLeastRoom ? terminal_.width - used : kLeastRoom;
  }

  // So that the terminal never breaks a line by itself: what follows would begin where messages begin.
  void put(const db::Shown& message, std::size_t depth, std::string& out) const {
    const std::size_t deepest = (room_behind(kBodyIndent) - kLeastRoom) / kReplyIndent;
    const std::string blanks(kReplyIndent * std::min(depth, deepest), ' '), indent(kBodyIndent + blanks.size(), ' ');
    const std::string who = shown(message.delivered_by, Show::kSender), sender = shown(message.sender, Show::kLine);
    const std::string stamp = format_utc(message.heard_ms).substr(11, 5) + " " + short_id(message.id);
    out += styled(kDim, stamp) + " " + blanks + styled(kBold, who) + "> ";
    std::size_t used = columns(stamp) + 1 + blanks.size() + columns(who) + 2;
    if (!sender.empty() && used + columns(sender) + 2 > terminal_.width) {
      out += '\n';
      used = 0;
      put_line(sender + ":", indent, used, out, kPurple);
    } else if (!sender.empty()) {
      out += styled(kPurple, sender) + ": ";
      used += columns(sender) + 2;
    }
    if (used + kLeastRoom > terminal_.width) {
      out += '\n';
      used = 0;
    }
    if (const char* instead = instead_of_text(message)) return put_line(instead, indent, used, out);
    for (const std::string& line : lines_of(message.text)) {
      put_line(line, indent, used, out);
      used = 0;
    }
  }

  // `used` columns of the first line are taken; 0: it begins with the indent.
  void put_line(std::string_view line, const std::string& indent, std::size_t used, std::string& out, const char* how = nullptr) const {
    do {
      if (used == 0) out += indent;
      const std::size_t room = room_behind(used > 0 ? used : indent.size());
      std::string_view piece = line.substr(0, fitting(line, room));
      line.remove_prefix(piece.size());
      if (piece.ends_with(' ') && (!line.empty() || columns(piece) > room)) piece.remove_suffix(1);
      (out += how ? styled(how, std::string(piece)) : std::string(piece)) += '\n';
      used = 0;
    } while (!line.empty());
  }

  db::Database& db_;
  const Terminal terminal_;
  std::string day_;
  std::vector<std::vector<std::size_t>> answers_;  // of a page: rows that stand under a row,
  std::map<Hash, Seq> answered_;                   // and where what is answered stands in the log
};

bool set(const char* name) {
  const char* value = std::getenv(name);
  return value && *value != '\0';
}

}  // namespace

Terminal terminal_of(int fd) {
  Terminal out;
  out.width = terminal_width(fd);
  const char* term = std::getenv("TERM");
  out.colour = !set("NO_COLOR") && set("TERM") && std::string_view(term) != "dumb";
  return out;
}

std::unique_ptr<Layout> human_layout(db::Database& db, const Terminal& terminal) { return std::make_unique<Human>(db, terminal); }

}  // namespace gossip::client
