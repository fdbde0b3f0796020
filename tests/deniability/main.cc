// What the check of deniability needs besides the programs:
//   deniability key FILE                          makes a keypair: FILE.der, private, and FILE.pem
//   deniability record HEARER SPEAKER.pem PORT N FILE
//                                                 is a friend who keeps a record of a session with a real gossipd that has N messages
//   deniability forge HEARER SPEAKER.pem N COUNT DIRECTORY MISTAKE
//                                                 forges, with a mistake: the controls
//   deniability judge HEARER SPEAKER.pem FILE...  one JSON object for each
// HEARER stands for HEARER.der and HEARER.pem.
#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "deniability/judge.h"
#include "gossip/check.h"
#include "gossipc/compose.h"
#include "gossipc/forge.h"
#include "gossipc/party.h"
#include "gossipc/witness.h"
#include "sys/clock.h"
#include "sys/tcp.h"

namespace gossip::test {
namespace {

using Arguments = std::vector<std::string>;

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  GOSSIP_CHECK(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}
void put(const std::string& path, std::string_view data) {
  std::ofstream out(path, std::ios::binary);
  out << data;
  GOSSIP_CHECK(out.good());
}

struct Keys {
  Keys(const std::string& hearer, const std::string& speaker_pem) {
    const std::string der = slurp(hearer + ".der");
    ours = crypto::load_private(as_view(der));
    auto half = [](const std::string& path) {
      auto key = crypto::import_public(slurp(path), 2048);
      GOSSIP_CHECK(key.ok());
      return client::PublicHalf{crypto::load_public(key->spki_der), key->fp};
    };
    hearer_half = half(hearer + ".pem");
    speaker_half = half(speaker_pem);
  }
  std::shared_ptr<const PrivateKey> ours;
  client::PublicHalf hearer_half, speaker_half;
  std::unique_ptr<Crypto> crypto = crypto::make_crypto(true);
  std::unique_ptr<Rng> rng = crypto::make_rng();
};

int make_key(const Arguments& a) {
  crypto::NewKey key = crypto::make_key(2048);
  put(a[0] + ".der", as_text(key.private_der));
  put(a[0] + ".pem", crypto::public_pem(key.private_der));
  return 0;
}

Now clock_now() { return {sys::mono_us(), sys::wall_ms()}; }

void wait_for(int fd, bool write, Micros until) {
  pollfd slot{fd, static_cast<short>(write ? POLLIN | POLLOUT : POLLIN), 0};
  const Micros left = std::max<Micros>(0, until - sys::mono_us());
  ::poll(&slot, 1, static_cast<int>((left + 999) / 1000));
}

// One session over a socket, as the daemon would have it, and what went by.
client::Record record_one(Keys& keys, int port, std::size_t messages) {
  client::Witness witness(*keys.crypto);
  auto theirs = std::make_shared<client::Overheard>(keys.speaker_half.key);
  auto pair = std::make_shared<PairKeys>();
  const Hash &fp = keys.hearer_half.fp, &fp_theirs = keys.speaker_half.fp;
  const Secret32 psk = psk_of(*keys.crypto, {});
  *pair = PairKeys{};
  pair->peer = pair->gen = 1;
  pair->ours = keys.ours;
  pair->theirs = theirs;
  pair->fp_ours = fp;
  pair->fp_theirs = fp_theirs;
  pair->out = derive_statics(*keys.crypto, psk, fp, fp_theirs);
  pair->in = derive_statics(*keys.crypto, psk, fp_theirs, fp);
  int fault = 0;
  sys::Fd fd = sys::start_dial(*sys::Address::parse("127.0.0.1", port), fault);
  GOSSIP_CHECK(fd);
  const Micros end = sys::mono_us() + kMinute;
  wait_for(fd.get(), true, end);
  GOSSIP_CHECK(sys::dial_fault(fd.get()) == 0);
  client::Party hearer(witness, *keys.rng, clock_now(), *pair, true, Channel::dial(witness, *keys.rng, pair, clock_now()));
  client::Recorder recorder;
  Bytes waiting, buffer(64 * 1024);
  bool parting = false;
  while (!hearer.channel().finished()) {
    GOSSIP_CHECK(sys::mono_us() < end);
    const Bytes out = hearer.turn(clock_now());
    recorder.sent(out);
    waiting.insert(waiting.end(), out.begin(), out.end());
    if (!waiting.empty()) {
      const sys::Io io = sys::write_some(fd.get(), waiting);
      GOSSIP_CHECK(io.kind != sys::Io::kEnd);
      if (io.kind == sys::Io::kBytes) waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(io.n));
    }
    const sys::Io io = sys::read_some(fd.get(), buffer);
    if (io.kind == sys::Io::kBytes) {
      recorder.got(View{buffer}.first(io.n));
      hearer.hear(clock_now(), View{buffer}.first(io.n));
      continue;
    }
    GOSSIP_CHECK(io.kind == sys::Io::kBlocked);
    if (!out.empty()) continue;
    if (hearer.store().size() == messages && !std::exchange(parting, true)) {
      hearer.channel().close(clock_now(), CloseCode::kNormal);
      continue;
    }
    wait_for(fd.get(), !waiting.empty(), std::min(end, hearer.next_deadline().value_or(end)));
  }
  GOSSIP_CHECK(hearer.channel().end() == End::kClosed);
  recorder.record().x = witness.x();
  if (hearer.channel().pq()) recorder.record().ss_pq = witness.ss_pq();
  recorder.record().k_i = theirs->last();
  return std::move(recorder.record());
}

int record(const Arguments& a) {
  Keys keys(a[0], a[1]);
  put(a[4], format(record_one(keys, std::atoi(a[2].c_str()), std::strtoul(a[3].c_str(), nullptr, 10))));
  return 0;
}

// --- mistakes that a forger could make

// Every number begins with a zero byte.
class BiasedRng final : public Rng {
 public:
  explicit BiasedRng(Rng& real) : real_(real) {}
  void fill(MutView out) override {
    real_.fill(out);
    if (!out.empty()) out[0] = 0;
  }

 private:
  Rng& real_;
};

// Encrypts under another label.
class WrongLabel final : public PublicKey {
 public:
  explicit WrongLabel(std::shared_ptr<const PublicKey> real) : real_(std::move(real)) {}
  std::size_t size() const override { return real_->size(); }
  void encrypt(View plaintext, View label, MutView out) const override {
    Bytes other(label.begin(), label.end());
    other[0] ^= 1;
    real_->encrypt(plaintext, other, out);
  }

 private:
  std::shared_ptr<const PublicKey> real_;
};

int forge_badly(const Arguments& a) {
  Keys keys(a[0], a[1]);
  const std::string& mistake = a[5];
  BiasedRng biased(*keys.rng);
  Rng& rng = mistake == "bias" ? static_cast<Rng&>(biased) : *keys.rng;
  if (mistake == "label") keys.hearer_half.key = std::make_shared<WrongLabel>(keys.hearer_half.key);
  client::Composer composer;
  for (int i = 0; i < std::atoi(a[3].c_str()); ++i) {
    std::vector<Incoming> said;
    for (int n = 0; n < std::atoi(a[2].c_str()) + (mistake == "extra"); ++n)
      said.push_back(composer.compose("ann", "text number " + std::to_string(n)));
    put(a[4] + "/" + mistake + "-" + std::to_string(i),
        format(client::forge(*keys.crypto, rng, keys.hearer_half, keys.speaker_half, {}, said, sys::wall_ms())));
  }
  return 0;
}

// --- the judge

int judge(const Arguments& a) {
  Keys keys(a[0], a[1]);
  const Judge all{*keys.crypto, keys.ours, keys.hearer_half.fp, keys.speaker_half.fp, {}};
  for (std::size_t i = 2; i < a.size(); ++i) {
    const Finding found = look_at(all, slurp(a[i]));
    std::printf("{\"fault\": \"%s\", \"texts\": %zu, \"features\": {", found.fault.c_str(), found.texts.size());
    const char* comma = "";
    for (const auto& [name, value] : found.features) std::printf("%s\"%s\": %.9g", comma, name.c_str(), value), comma = ", ";
    std::printf("}}\n");
  }
  return 0;
}

int run(const std::string& what, const Arguments& a) {
  if (what == "key" && a.size() == 1) return make_key(a);
  if (what == "record" && a.size() == 5) return record(a);
  if (what == "forge" && a.size() == 6) return forge_badly(a);
  if (what == "judge" && a.size() >= 3) return judge(a);
  std::fprintf(stderr, "deniability: wrong arguments\n");
  return 2;
}

}  // namespace
}  // namespace gossip::test

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  return gossip::test::run(argv[1], {argv + 2, argv + argc});
}
