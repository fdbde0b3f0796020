#include "gossipd/route.h"

#include <algorithm>

#include "gossip/check.h"
#include "gossip/limits.h"

namespace gossip::daemon {
namespace {

bool same(const sys::Address& a, const sys::Address& b) {
  return a.size() == b.size() && a.port() == b.port() && a.ip() == b.ip();  // the text has the zone too
}

}  // namespace

std::vector<sys::Address> interleaved(const std::vector<sys::Address>& numbers) {
  std::deque<sys::Address> ones, others;
  for (const sys::Address& number : numbers) {
    auto& family = number.family() == numbers.front().family() ? ones : others;
    if (std::none_of(family.begin(), family.end(), [&](auto& known) { return same(known, number); })) family.push_back(number);
  }
  std::vector<sys::Address> out;
  while (!ones.empty() || !others.empty()) {
    for (auto* family : {&ones, &others}) {
      if (family->empty()) continue;
      out.push_back(family->front());
      family->pop_front();
    }
  }
  return out;
}

void Route::begin(const db::Addresses& addresses, std::size_t worked) {
  if (addresses != addresses_) {
    addresses_ = addresses;
    good_.reset();
    taken_.reset();
    reorder(worked);
  }
  numbers_.clear();
  left_ = order_.size();
}

void Route::reorder(std::size_t first) {
  order_.clear();
  if (first < addresses_.size()) order_.push_back(first);
  for (std::size_t i = 0; i < addresses_.size(); ++i)
    if (i != first) order_.push_back(i);
  at_ = skip_ = 0;
}

void Route::know(const std::vector<sys::Address>& numbers) {
  GOSSIP_CHECK(!done());
  std::vector<sys::Address> all = interleaved(numbers);
  if (all.size() > kMaxNumbers) all.resize(kMaxNumbers);
  if (good_) std::stable_partition(all.begin(), all.end(), [&](const sys::Address& one) { return same(one, *good_); });
  if (skip_ >= all.size()) skip_ = 0;  // the name has changed
  numbers_.assign(all.begin() + static_cast<std::ptrdiff_t>(skip_), all.end());
  if (numbers_.empty()) advance();
}

sys::Address Route::take() {
  GOSSIP_CHECK(known());
  taken_ = order_[at_];
  taken_number_ = numbers_.front();
  numbers_.pop_front();
  ++skip_;
  if (numbers_.empty()) advance();
  return taken_number_;
}

void Route::advance() {
  skip_ = 0;
  at_ = --left_ == 0 ? 0 : (at_ + 1) % order_.size();
}

std::optional<db::Address> Route::worked() {
  if (!taken_) return std::nullopt;
  good_ = taken_number_;
  reorder(*taken_);
  left_ = 0;
  numbers_.clear();
  return addresses_[*taken_];
}

}  // namespace gossip::daemon
