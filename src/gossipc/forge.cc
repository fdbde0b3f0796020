#include "gossipc/forge.h"

#include "gossip/check.h"
#include "gossipc/party.h"
#include "gossipc/witness.h"

namespace gossip::client {
namespace {

constexpr Micros kStart = 2 * kHour;     // of the monotonic clock, which shows nowhere
constexpr Micros kLatency = 10 * kMillisecond;
constexpr int kTurns = 1'000'000;        // far more than the largest log takes

// What one of them holds of the other.
std::shared_ptr<const PairKeys> pair_of(Crypto& crypto, View network_key, std::shared_ptr<Overheard> ours, const Hash& fp_ours,
                                        std::shared_ptr<Overheard> theirs, const Hash& fp_theirs) {
  const Secret32 psk = psk_of(crypto, network_key);
  auto out = std::make_shared<PairKeys>();
  out->peer = out->gen = 1;
  out->ours = std::move(ours);
  out->theirs = std::move(theirs);
  out->fp_ours = fp_ours;
  out->fp_theirs = fp_theirs;
  out->out = derive_statics(crypto, psk, fp_ours, fp_theirs);
  out->in = derive_statics(crypto, psk, fp_theirs, fp_ours);
  return out;
}

// Carries what is said between the two until the hearer has heard all and both have parted.
void play(Party& hearer, Party& speaker, std::size_t messages, std::int64_t wall_ms, Recorder& recorder) {
  Now now{kStart, wall_ms};
  bool parting = false;
  for (int i = 0; i < kTurns && !hearer.channel().finished(); ++i) {
    const Bytes there = hearer.turn(now);
    recorder.sent(there);
    if (!there.empty()) now.mono += kLatency;
    speaker.hear(now, there);
    const Bytes back = speaker.turn(now);
    if (!back.empty()) now.mono += kLatency;
    recorder.got(back);
    hearer.hear(now, back);
    if (!there.empty() || !back.empty()) continue;
    if (hearer.store().size() == messages && !std::exchange(parting, true)) {
      hearer.channel().close(now, CloseCode::kNormal);
      continue;
    }
    const auto next = earlier(hearer.next_deadline(), speaker.next_deadline());
    GOSSIP_CHECK(next.has_value());
    now.mono = std::max(now.mono, *next);
  }
  GOSSIP_CHECK(hearer.channel().end() == End::kClosed);
}

}  // namespace

Record forge(Crypto& crypto, Rng& rng, const PublicHalf& hearer, const PublicHalf& speaker, View network_key,
             std::span<const Incoming> said, std::int64_t wall_ms) {
  const auto to_hearer = std::make_shared<Overheard>(hearer.key), to_speaker = std::make_shared<Overheard>(speaker.key);
  const auto hearers = pair_of(crypto, network_key, to_hearer, hearer.fp, to_speaker, speaker.fp);
  const auto speakers = pair_of(crypto, network_key, to_speaker, speaker.fp, to_hearer, hearer.fp);
  Witness witness(crypto);
  Responder responder(crypto, rng);
  responder.set_decoy(speaker.key);
  responder.set_peers(std::span(&speakers, 1));
  const Now start{kStart, wall_ms};
  Party caller(witness, rng, start, *hearers, true, Channel::dial(witness, rng, hearers, start));
  Party called(crypto, rng, start, *speakers, false, Channel::accept(crypto, rng, responder, start));
  for (const Incoming& one : said) called.store().append(one);
  Recorder recorder;
  play(caller, called, said.size(), wall_ms, recorder);
  recorder.record().x = witness.x();
  if (caller.channel().pq()) recorder.record().ss_pq = witness.ss_pq();
  recorder.record().k_i = to_speaker->last();
  return std::move(recorder.record());
}

}  // namespace gossip::client
