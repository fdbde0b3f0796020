// Every bound that a peer could push against, by name (gossip(7), LIMITS). Sizes in bytes, counts in entries.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gossip/time.h"

namespace gossip {

// messages
constexpr std::size_t kMaxText = 1 << 20;         // 1 MiB
constexpr std::size_t kMaxSender = 64;
constexpr std::size_t kMaxParents = 4;
constexpr std::size_t kMaxMessage = 1'114'102;    // canonical bytes, any kind
constexpr std::size_t kMaxPeerName = 64;
constexpr std::size_t kRowCost = 150;             // bytes on disk of each, beside its own, that stay for ever: quotas count them

// frames
constexpr std::size_t kMaxFrame = 1'114'112;      // payload
constexpr std::size_t kMaxBatch = 512;            // entries of one HAVE, WANT or GONE
constexpr std::size_t kMaxKey = 1024;             // of a KEY frame

// sync
constexpr std::uint64_t kMaxCredit = std::uint64_t{1} << 32;
constexpr std::uint64_t kCreditGrant = 8192;      // entries granted to one friend at most
constexpr std::size_t kMaxUnresolved = 65'536;    // listed entries waiting, all friends together
constexpr std::size_t kMaxWanted = 4096;          // seqs a friend may have wanted and not been answered
constexpr std::size_t kFirstWindow = 256;         // bodies asked of one friend at once; one more for each that came, up to
constexpr std::size_t kWindowBodies = 2048;
constexpr std::size_t kWindowBytes = 512 * 1024;
constexpr std::size_t kBodyPiece = 256 * 1024;    // of a body that is arriving: each has its own time
constexpr std::size_t kMaxLeave = 4096;           // bodies a friend may still send, asked again elsewhere or not
constexpr std::uint64_t kMaxFlight = 32 << 20;    // bytes of bodies asked for and frames partly here, all friends together
constexpr std::size_t kQuantum = 16 * 1024;       // bytes of one link's turn, reading and serving
constexpr std::uint64_t kMaxRound = 4 << 20;      // bytes said in one round of all links, and one frame
constexpr std::size_t kTailShare = 4;             // a link that is in the tail of a log gets so many times that
constexpr std::size_t kBatchMessages = 8192;      // per transaction
constexpr std::size_t kBatchBytes = 2 << 20;
constexpr Micros kGatherTail = 2 * kMillisecond;
constexpr Micros kGatherBulk = 200 * kMillisecond;
constexpr Micros kLazyCommit = kSecond;           // cursors and acks that bring no message wait this long for one that does

constexpr Micros kLazyAck = kSecond;              // CREDIT that only acknowledges, and HAVE that only skips, are sent this seldom
constexpr Micros kStall = 5 * kSecond;            // after a commit that failed, nothing is asked for this long
constexpr Micros kSlowCommit = 500 * kMillisecond;  // after one that took longer, nothing is asked for as long again
constexpr Micros kHelloTime = 10 * kSecond;       // for the friend's HELLO
constexpr Micros kKeyTime = 10 * kSecond;         // for the KEY of a session by invitation, or its answer
constexpr Micros kHeadTime = 30 * kSecond;        // for the HEAD that answers a FETCH
constexpr Micros kRefetch = 10 * kMinute;         // one friend's log is read again at most this often
constexpr std::size_t kMaxRungs = 32;             // places in a friend's log to go back to
constexpr std::uint64_t kRungStep = 256;          // entries between two of them at least
constexpr std::size_t kLogFlips = 3;              // a log set back so often ...
constexpr Micros kFlipTime = kHour;               // ... within so long seems to run twice
constexpr Micros kInboundFetch = 5 * kSecond;     // fetch over the friend's own session after so long without one of ours
constexpr unsigned kWrongBodies = 3;              // after so many wrong bodies for one seq it counts as gone

// dialling
constexpr std::size_t kDialsAtOnce = 4;
constexpr Micros kDialSpacing = 100 * kMillisecond;
constexpr Micros kSessionAge = 24 * kHour;        // then a new session, with new keys, replaces the old one

// peers
constexpr std::size_t kMaxPeers = 512;
constexpr std::size_t kMaxAddresses = 8;          // of one peer
constexpr std::size_t kMaxNumbers = 4;            // numeric addresses tried of one name

}  // namespace gossip
