#include "gossip/invite.h"

#include "gossip/check.h"
#include "gossip/derive.h"
#include "gossip/limits.h"
#include "gossip/text.h"

namespace gossip {
namespace {

// line     := "gossip-invite:1:" base64url(payload)           RFC 4648 5, without padding
// payload  := until u64 | u8 length | name | u8 n | n x place | bits u16 | modulus | p | q | check [8]
// place    := u8 length | host | port u16
constexpr std::string_view kVersion = "1:";
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kCheck = 8, kHost = 253;

Refusal not_whole() {
  return {"the invitation is not whole, or was changed on its way", "paste all of it, from gossip-invite: to its end"};
}

bool white(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void append_base64(std::string& out, View bytes) {
  std::uint32_t bits = 0;
  int have = 0;
  for (std::uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (have += 8; have >= 6; have -= 6) out += kDigits[bits >> (have - 6) & 63];
  }
  if (have > 0) out += kDigits[bits << (6 - have) & 63];
}

// White space is left out; nothing where another character stands, or the last one holds bits that should be 0.
std::optional<Bytes> from_base64(std::string_view text) {
  Bytes out;
  out.reserve(text.size() / 4 * 3 + 3);  // so that no copy of what is secret is left behind
  std::uint32_t bits = 0;
  int have = 0;
  bool fine = true;
  for (char c : text) {
    if (white(c)) continue;
    const std::size_t digit = kDigits.find(c);
    fine = fine && digit != kDigits.npos;
    bits = bits << 6 | static_cast<std::uint32_t>(digit & 63);
    if ((have += 6) < 8) continue;
    have -= 8;
    out.push_back(static_cast<std::uint8_t>(bits >> have));
  }
  fine = fine && have < 6 && (bits & ((1u << have) - 1)) == 0;
  if (fine) return out;
  wipe(out);
  return std::nullopt;
}

bool fine_host(std::string_view host) {
  return !host.empty() && host.size() <= kHost && std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string text_of(View bytes) { return std::string(as_text(bytes)); }

std::optional<Invitation> decode(Reader& r) {
  Invitation out;
  out.until_ms = static_cast<std::int64_t>(r.u64());
  out.name = text_of(r.take(r.u8()));
  const std::size_t places = r.u8();
  bool fine = out.until_ms >= 0 && (out.name.empty() || valid_peer_name(out.name)) && places <= kMaxAddresses;
  for (std::size_t i = 0; fine && i < places; ++i) {
    Invitation::Place place;
    place.host = text_of(r.take(r.u8()));
    place.port = r.u16();
    fine = fine_host(place.host) && place.port != 0;
    out.places.push_back(std::move(place));
  }
  const std::size_t bits = r.u16();
  fine = fine && (bits == 2048 || bits == 3072 || bits == 4096);
  if (!fine) return std::nullopt;
  const View modulus = r.take(bits / 8), primes = r.take(bits / 8);
  out.modulus.assign(modulus.begin(), modulus.end());
  out.primes = SecretBytes(Bytes(primes.begin(), primes.end()));
  if (!r.done()) return std::nullopt;
  return out;
}

}  // namespace

std::string format_invitation(Crypto& crypto, const Invitation& invitation) {
  GOSSIP_CHECK(invitation.until_ms >= 0 && invitation.places.size() <= kMaxAddresses);
  GOSSIP_CHECK(invitation.modulus.size() == invitation.primes.view().size());
  Bytes payload;
  payload.reserve(kMaxInvite);
  Writer w(payload);
  w.u64(static_cast<std::uint64_t>(invitation.until_ms));
  w.u8(static_cast<std::uint8_t>(invitation.name.size())).bytes(as_view(invitation.name));
  w.u8(static_cast<std::uint8_t>(invitation.places.size()));
  for (const auto& place : invitation.places) {
    GOSSIP_CHECK(fine_host(place.host));
    w.u8(static_cast<std::uint8_t>(place.host.size())).bytes(as_view(place.host)).u16(place.port);
  }
  w.u16(static_cast<std::uint16_t>(invitation.modulus.size() * 8)).bytes(invitation.modulus).bytes(invitation.primes);
  const Hash check = lab(crypto, "invite", payload);
  w.bytes(View(check).first(kCheck));
  std::string out;
  out.reserve(kMaxInvite);
  (out += kInvitePrefix) += kVersion;
  append_base64(out, payload);
  wipe(payload);
  return out;
}

Result<Invitation> parse_invitation(Crypto& crypto, std::string_view text) {
  if (text.size() > kMaxInvite)
    return Refusal{"what was pasted is longer than an invitation can be", "paste the one line that begins with gossip-invite:"};
  const std::size_t at = text.find(kInvitePrefix);
  if (at == text.npos)
    return Refusal{"there is no invitation in what was pasted", "it is the one line that begins with gossip-invite:"};
  text.remove_prefix(at + kInvitePrefix.size());
  if (text.find(kInvitePrefix) != text.npos) return Refusal{"more than one invitation was pasted", "one at a time"};
  if (!text.starts_with(kVersion)) {
    if (text.size() < kVersion.size()) return not_whole();
    return Refusal{"the invitation is of a version that this program does not know", "one of the two programs is old"};
  }
  std::optional<Bytes> bytes = from_base64(text.substr(kVersion.size()));
  if (!bytes) return not_whole();
  const SecretBytes payload(std::move(*bytes));
  if (payload.view().size() < kCheck) return not_whole();
  const View body = payload.view().first(payload.view().size() - kCheck), check = payload.view().last(kCheck);
  const Hash wanted = lab(crypto, "invite", body);
  if (!std::equal(check.begin(), check.end(), wanted.begin())) return not_whole();
  Reader reader(body);
  std::optional<Invitation> out = decode(reader);
  if (!out) return Refusal{"the invitation holds what no invitation can", "ask your friend for another one"};
  return std::move(*out);
}

}  // namespace gossip
