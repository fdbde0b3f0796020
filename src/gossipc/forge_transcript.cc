#include <unistd.h>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossipc/commands.h"
#include "gossipc/compose.h"
#include "gossipc/exchange.h"
#include "gossipc/forge.h"
#include "gossipc/lines.h"
#include "gossipc/store.h"
#include "sys/clock.h"
#include "sys/error.h"

namespace gossip::client {
namespace {

constexpr const char* kExample = "gossipc forge-transcript --hearer bob.pem --speaker alice.pem --source alice -m hello";
constexpr std::size_t kMostAtOnce = 64 << 20;  // of --batch

Result<PublicHalf> read_half(const std::string& path, int bits) {
  const Result<crypto::ImportedKey> key = crypto::import_public(read_key_file(path), bits);
  if (!key) return Refusal{path + ": " + key.refusal().what, key.refusal().hint};
  return PublicHalf{crypto::load_public(key->spki_der), key->fp};
}

// The texts, in order; each is checked as gossipc send would.
std::vector<std::string> texts_of(const Call& call) {
  const std::string& given = call.options.value(kMessage);
  if (given == "-" || !(call.options.has(kMessage) || call.options.has(kBatch))) return {std::string(without_line_end(read_all(0, kMaxText + 1)))};
  if (call.options.has(kMessage)) return {given};
  std::vector<std::string> out;
  LineBuffer lines(kMaxText);
  lines.feed(read_all(0, kMostAtOnce));
  lines.end();
  while (const auto line = lines.next()) out.emplace_back(*line);
  return out;
}

}  // namespace

int forge_transcript(Call& call) {
  const Options& options = call.options;
  if (!options.has(kHearer) || !options.has(kSpeaker)) return fail(kUsage, "forge-transcript needs two public keys", kExample);
  const bool message = options.has(kMessage), batch = options.has(kBatch);
  if (message && batch) return fail(kUsage, "give either --message or --batch", kExample);
  if (!message && !batch && ::isatty(0) == 1) return fail(kUsage, "nothing is said", kExample);
  if (const auto refusal = message ? std::nullopt : input_taken(call)) return fail(kUsage, *refusal);
  const std::string& source = options.has(kSource) ? options.value(kSource) : call.config.username;
  if (const auto refusal = check_sender(source)) return fail(kUsage, "the sender will not do: " + refusal->words.what, "give --source NAME");
  const Result<int> bits = wanted_bits();
  if (!bits) return fail(kUsage, bits.refusal());
  const Result<Bytes> network_key = config::read_network_key(call.config.network_key_file);
  if (!network_key) return fail(kUsage, network_key.refusal());
  std::vector<PublicHalf> halves;
  for (Opt which : {kHearer, kSpeaker}) {
    try {
      const Result<PublicHalf> half = read_half(options.value(which), *bits);
      if (!half) return fail(kTrouble, half.refusal());
      halves.push_back(*half);
    } catch (const sys::Error& error) { return fail(kNoSuch, error.what()); }
  }
  if (halves[0].fp == halves[1].fp) return fail(kTrouble, "both keys are the same", "each friend has a key of their own");

  Composer composer;
  std::vector<Incoming> said;
  for (const std::string& text : texts_of(call)) {
    if (const auto refusal = check_text(text, kMaxText)) return fail(exit_for(refusal->fault), refusal->words);
    said.push_back(composer.compose(source, text));
  }
  if (said.empty()) return fail(kUsage, "nothing is said", kExample);
  const std::unique_ptr<Rng> rng = crypto::make_rng();
  const std::unique_ptr<Crypto> crypto = crypto::make_crypto(call.config.pq != config::Pq::kOff);
  call.out.put(format(forge(*crypto, *rng, halves[0], halves[1], *network_key, said, sys::wall_ms())));
  return kDone;
}

}  // namespace gossip::client
