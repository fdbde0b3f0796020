#include "gossipc/findings.h"

#include "gossip/text.h"

namespace gossip::client {

void Findings::put(const char* level, const char* check, const std::string& what, const std::string& hint) {
  if (call_.options.has(kJson)) {
    json_.text("level", level).text("check", check).text("what", what);
    hint.empty() ? json_.null("hint") : json_.text("hint", hint);
    call_.out.put(shown(json_.take(), Show::kJson) + "\n");
  } else {
    call_.out.put(shown(std::string(level) + " " + check + ": " + what + (hint.empty() ? "" : " (" + hint + ")")) + "\n");
  }
}

void Findings::sum_up(const std::string& database, std::optional<std::int64_t> messages) {
  const std::string counts = std::to_string(errors_) + " errors, " + std::to_string(warnings_) + " warnings";
  const std::string counted = messages ? std::to_string(*messages) + " messages: " : "";
  if (call_.options.has(kJson)) {
    json_.text("database", database);
    messages ? json_.integer("messages", *messages) : json_.null("messages");
    json_.integer("errors", errors_).integer("warnings", warnings_);
    call_.out.put(shown(json_.take(), Show::kJson) + "\n");
  } else {
    call_.out.put(shown((errors_ ? "not ok: " : "ok: ") + database + ": " + counted + counts) + "\n");
  }
}

}  // namespace gossip::client
