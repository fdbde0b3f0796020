#include "gossip/health.h"

namespace gossip {
namespace {

struct Row {
  Why why;
  const char* code;
  const char* words;
};

constexpr Row kRows[] = {
    {Why::kNone, "", ""},
    {Why::kNoKey, "no_key", "no key from them yet"},
    {Why::kNoAddress, "no_address", "we have no address"},
    {Why::kNotTried, "not_tried", "not called yet"},
    {Why::kNoDaemon, "no_daemon", "the daemon is not running"},

    {Why::kNameNotFound, "name_not_found", "name not found"},
    {Why::kUnreachable, "unreachable", "unreachable (nothing answers there, or no way leads there)"},
    {Why::kRefused, "refused", "refused (nobody listens there)"},
    {Why::kThisMachine, "this_machine",
     "this machine could not call (too few open files are allowed: see ulimit -n; or calling out is not allowed here)"},

    {Why::kPqMissing, "pq_missing",
     "we can do no post-quantum key exchange now (GOSSIPD_PQ is off, or OpenSSL is older than 3.5), and with them only that will do; "
     "gossipc set-peer-key --reset-pq gives it up"},

    {Why::kSilent, "silent", "silent (connected, and nothing came)"},
    {Why::kBrokenOff, "broken_off", "broken off (the connection ended in the middle)"},
    {Why::kNotRecognised, "not_recognised",
     "not recognised (they have not added us or not set our key, or one side has an old key or another network key, or they want a "
     "post-quantum key exchange and we can do none, or somebody else answers there)"},
    {Why::kSomebodyElse, "somebody_else", "not recognised (with their own session up the keys are right, so somebody else answers there)"},
    {Why::kUnproven, "unproven", "not proven (whoever answered knew the public keys, and did not finish)"},
    {Why::kPqPolicy, "pq_policy",
     "refused by us: without a post-quantum key exchange, which GOSSIPD_PQ=require asks for, or which was done with them before: "
     "then, if they can do it no more, gossipc set-peer-key --reset-pq gives it up"},

    {Why::kClosed, "closed", "closed"},
    {Why::kReplaced, "replaced", "replaced by a newer session (again and again: a copy of this database runs elsewhere too)"},
    {Why::kShuttingDown, "shutting_down", "they shut down"},
    {Why::kBusy, "busy", "they are busy"},
    {Why::kProtocolError, "protocol_error", "they broke the protocol"},
    {Why::kBlamed, "blamed", "they say that we broke the protocol"},
    {Why::kOtherVersion, "other_version", "they speak another version"},
    {Why::kNoHello, "no_hello", "they never said HELLO"},
    {Why::kNoHead, "no_head", "they never answered FETCH"},
    {Why::kWrongMessage, "wrong_message", "they sent another message than they had announced"},
    {Why::kLogChanging, "log_changing", "their log changed again within ten minutes"},
    {Why::kNoKeyCame, "no_key_came", "they did not send or answer the key that the invitation is for"},
    {Why::kBadKey, "bad_key", "the key they sent is none that we take"},
    {Why::kMadeUsCrash, "made_us_crash", "put off, as what they sent made gossipd crash"},
    {Why::kChanged, "changed", "other keys are in use now, or no longer a friend"},

    {Why::kLogRestarted, "log_restarted", "their log is not the one it was, and what may have changed of it is read again"},
    {Why::kLogTwice, "log_twice", "their log goes back and forth: the same database seems to run twice"},
    {Why::kOlderCopy, "older_copy", "they know more of our log than we do: this database is an older copy, or runs twice"},
    {Why::kOverQuota, "over_quota", "over their quota (GOSSIPD_FRIEND_QUOTA), so nothing more is asked of them until tomorrow, UTC"},

    {Why::kBadBody, "bad_body", "a call in their name was garbled"},
    {Why::kReplay, "replay", "an old call of theirs was played again"},
    {Why::kBadProof, "bad_proof", "a caller knew the public keys, and could not prove to be them"},
    {Why::kUnfinished, "unfinished", "they called and did not finish"},
    {Why::kTooOften, "too_often", "they called too often"},
};

const Row& row_of(Why why) {
  for (const Row& row : kRows) {
    if (row.why == why) return row;
  }
  return kRows[0];
}

}  // namespace

const char* why_code(Why why) { return row_of(why).code; }
const char* why_words(Why why) { return row_of(why).words; }

Why parse_why(std::string_view code) {
  for (const Row& row : kRows) {
    if (row.code == code) return row.why;
  }
  return Why::kNone;
}

bool somebody_answered(Why why) {
  switch (why) {
    case Why::kNone: case Why::kNoKey: case Why::kNoAddress: case Why::kNotTried: case Why::kNoDaemon: return false;
    case Why::kNameNotFound: case Why::kUnreachable: case Why::kRefused: case Why::kThisMachine: case Why::kPqMissing:
    case Why::kChanged: return false;
    default: return true;
  }
}

}  // namespace gossip
