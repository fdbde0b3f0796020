#include <unistd.h>

#include <algorithm>

#include "gossip/bytes.h"
#include "gossipc/compose.h"
#include "gossipc/lines.h"
#include "gossipc/message_id.h"
#include "gossipc/store.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

constexpr const char* kSourceHint = "give --source NAME, or set GOSSIPD_USERNAME";

// Nothing, and `code` set, when there is no text to send.
std::optional<std::string> text_to_send(const Call& call, int& code) {
  const bool given = call.options.has(kMessage);
  if (given && call.options.value(kMessage) != "-") return call.options.value(kMessage);
  if (!given && ::isatty(0) == 1) {
    code = fail(kUsage, "nothing to send", "gossipc send -m TEXT, or a pipe; -m - reads what you type, up to Ctrl-D");
    return std::nullopt;
  }
  if (const auto refusal = input_taken(call)) {
    code = fail(kUsage, *refusal);
    return std::nullopt;
  }
  const std::size_t limit = call.config.max_message;
  const std::string all = read_all(0, limit + 1);  // one more for the line end
  std::string text(without_line_end(all));
  if (text.size() <= limit) return text;
  code = fail(kRefused, "the message is longer than the limit of " + std::to_string(limit) + " bytes",
              "GOSSIPD_MAX_MESSAGE raises it, to 1048576 at most");
  return std::nullopt;
}

// The messages this one answers, each once. Gives the exit code, and says why, when one of them is not there.
int find_parents(const Call& call, db::Database& db, std::vector<Hash>& parents) {
  for (const std::string& typed : call.options.values(kReply)) {
    db::Found found;
    if (const int code = find_one(db, typed, found)) return code;
    if (std::find(parents.begin(), parents.end(), found.id) == parents.end()) parents.push_back(found.id);
  }
  if (parents.size() <= kMaxParents) return kDone;
  return fail(kUsage, "a message answers " + std::to_string(kMaxParents) + " others at most");
}

int send_one(Call& call, const std::string& source) {
  int code = kDone;
  const std::optional<std::string> text = text_to_send(call, code);
  if (!text) return code;
  if (const auto refusal = check_text(*text, call.config.max_message)) return fail(exit_for(refusal->fault), refusal->words);

  Composer composer;
  db::Database db = open_as_it_is(call, true, true);
  std::vector<Hash> parents;
  if ((code = find_parents(call, db, parents)) != kDone) return code;
  db::Log log(db, composer.crypto(), sys::wall_ms);
  const std::vector<Incoming> one{composer.compose(source, *text, parents)};
  append_all(db, log, one);
  ring(call);
  call.out.put(to_hex(one[0].id) + "\n");
  return put_out(call, "the message was sent all the same; its id is " + to_hex(one[0].id));
}

}  // namespace

int send(Call& call) {
  const bool batch = call.options.has(kBatch);
  if (call.options.has(kJson) && !batch)
    return fail(kUsage, "--json goes with --batch", "gossipc send --batch --json < lines.jsonl");
  if (batch && call.options.has(kMessage)) return fail(kUsage, "--batch reads standard input and takes no --message");
  if (batch) {
    if (const auto refusal = input_taken(call)) return fail(kUsage, *refusal);
  }
  if (batch && call.options.has(kReply)) return fail(kUsage, "--reply is for one message", "send it without --batch");
  const bool given = call.options.has(kSource);
  const std::string source = given ? call.options.value(kSource) : call.config.username;
  const bool in_lines = batch && call.options.has(kJson);  // each line may name its own
  if (source.empty() && !given && !in_lines) return fail(kUsage, "no sender", kSourceHint);
  if (!source.empty() || given) {
    if (const auto refusal = check_sender(source)) return fail(kUsage, refusal->words);
  }
  return batch ? send_batch(call, source) : send_one(call, source);
}

}  // namespace gossip::client
