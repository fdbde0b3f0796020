#include "gossipc/layout.h"

#include "gossip/text.h"
#include "gossipc/when.h"

namespace gossip::client {
namespace {

constexpr std::string_view kLetters = "itdsmpn";

void append(std::string& out, std::string_view text, Show how, bool raw) {
  if (raw) {
    out += text;
  } else {
    append_shown(out, text, how);
  }
}

void append_text(std::string& out, const db::Shown& message, bool raw) {
  if (const char* instead = instead_of_text(message)) {
    out += instead;
  } else {
    append(out, message.text, Show::kLine, raw);
  }
}

void append_piece(std::string& out, char letter, const db::Shown& m, bool raw) {
  switch (letter) {
    case 'i': out += to_hex(m.id); break;
    case 't': out += format_utc(m.heard_ms); break;
    case 'd': append_shown(out, m.delivered_by, Show::kSender); break;
    case 's': append(out, m.sender, Show::kSender, raw); break;
    case 'm': append_text(out, m, raw); break;
    case 'n': out += std::to_string(m.seq); break;
    case 'p':
      for (std::size_t i = 0; i < m.parents.size(); ++i) out += (i > 0 ? "," : "") + to_hex(m.parents[i]);
      break;
    default: break;
  }
}

class Lines final : public Layout {
 public:
  explicit Lines(bool raw) : raw_(raw) {}
  void print(const std::vector<db::Shown>& page, Out& out) override {
    for (const db::Shown& message : page) out.put(classic_line(message, raw_));
  }

 private:
  const bool raw_;
};

class Json final : public Layout {
 public:
  explicit Json(bool raw) : raw_(raw) {}
  void print(const std::vector<db::Shown>& page, Out& out) override {
    for (const db::Shown& message : page) out.put((raw_ ? message.json : shown(message.json, Show::kJson)) + "\n");
  }
  bool json() const override { return true; }

 private:
  const bool raw_;
};

class Formatted final : public Layout {
 public:
  Formatted(std::vector<Piece> format, bool raw) : format_(std::move(format)), raw_(raw) {}
  void print(const std::vector<db::Shown>& page, Out& out) override {
    for (const db::Shown& message : page) out.put(formatted(format_, message, raw_) + "\n");
  }

 private:
  const std::vector<Piece> format_;
  const bool raw_;
};

}  // namespace

const char* instead_of_text(const db::Shown& message) {
  if (!message.known) return "a message of a kind this version does not know";
  return message.kept ? nullptr : "the text is no longer kept";
}

std::string classic_line(const db::Shown& m, bool raw) {
  std::string out = format_utc(m.heard_ms) + "|delivered_by:";
  append_shown(out, m.delivered_by, Show::kSender);
  out += "|sender:";
  append(out, m.sender, Show::kSender, raw);
  out += '|';
  append_text(out, m, raw);
  return out += '\n';
}

Result<std::vector<Piece>> parse_format(std::string_view format) {
  std::vector<Piece> out(1);
  for (std::size_t i = 0; i < format.size(); ++i) {
    const char c = format[i], next = i + 1 < format.size() ? format[i + 1] : '\0';
    std::string& literal = out.back().literal;
    if (c == '\\' && (next == 'n' || next == 't' || next == '\\')) {
      literal += next == 'n' ? '\n' : next == 't' ? '\t' : '\\';
      ++i;
    } else if (c != '%') {
      literal += c;
    } else if (next == '%') {
      literal += '%';
      ++i;
    } else if (next != '\0' && kLetters.find(next) != kLetters.npos) {
      out.back().letter = next;
      out.emplace_back();
      ++i;
    } else {
      return Refusal{"--format has a % without a letter that it knows",
                     "%i id, %t time, %d delivered by, %s sender, %m text, %p parents, %n number in the log, %% a %"};
    }
  }
  return out;
}

std::string formatted(const std::vector<Piece>& format, const db::Shown& message, bool raw) {
  std::string out;
  for (const Piece& piece : format) {
    out += piece.literal;
    append_piece(out, piece.letter, message, raw);
  }
  return out;
}

std::unique_ptr<Layout> line_layout(bool raw) { return std::make_unique<Lines>(raw); }
std::unique_ptr<Layout> json_layout(bool raw) { return std::make_unique<Json>(raw); }
std::unique_ptr<Layout> format_layout(std::vector<Piece> format, bool raw) {
  return std::make_unique<Formatted>(std::move(format), raw);
}

}  // namespace gossip::client
