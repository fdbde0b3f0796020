#include "gossipc/record.h"

#include "gossip/cell.h"

namespace gossip::client {
namespace {

// Moves what is missing of `message` out of `from`.
void fill(Bytes& message, std::size_t size, Bytes& from) {
  const std::size_t n = std::min(size - message.size(), from.size());
  const auto end = from.begin() + static_cast<std::ptrdiff_t>(n);
  message.insert(message.end(), from.begin(), end);
  from.erase(from.begin(), end);
}

void cut(std::vector<Bytes>& cells, Bytes& from) {
  while (from.size() >= kCell) fill(cells.emplace_back(), kCell, from);
}

std::string line(std::string_view name, View bytes) { return std::string(name) + " " + to_hex(bytes) + "\n"; }

}  // namespace

std::string format(const Record& record) {
  std::string out = "gossipd/1 transcript\n" + line("x", record.x) + line("k_I", record.k_i);
  if (record.ss_pq) out += line("ss_pq", *record.ss_pq);
  out += line("M1", record.m1) + line("M2", record.m2) + line("M3", record.m3);
  for (const Bytes& cell : record.from_caller) out += line("I", cell);
  for (const Bytes& cell : record.to_caller) out += line("R", cell);
  return out;
}

void Recorder::sent(View bytes) {
  sent_.insert(sent_.end(), bytes.begin(), bytes.end());
  fill(record_.m1, kM1, sent_);
  fill(record_.m3, kM3, sent_);
  cut(record_.from_caller, sent_);
}

void Recorder::got(View bytes) {
  got_.insert(got_.end(), bytes.begin(), bytes.end());
  fill(record_.m2, kM2, got_);
  cut(record_.to_caller, got_);
}

}  // namespace gossip::client
