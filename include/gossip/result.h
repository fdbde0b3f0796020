// Result<T>: what a parser of foreign input gives back. Never thrown, never asserted on (style: errors of the first kind).
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace gossip {

// Why foreign input was refused, in words fit for a person: lower case, no full stop.
struct Refusal {
  std::string what;
  std::string hint = {};  // what to do about it, or empty
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::move(value)) {}
  Result(Refusal refusal) : v_(std::move(refusal)) {}
  bool ok() const { return std::holds_alternative<T>(v_); }
  explicit operator bool() const { return ok(); }
  T& operator*() { return std::get<T>(v_); }
  const T& operator*() const { return std::get<T>(v_); }
  T* operator->() { return &std::get<T>(v_); }
  const T* operator->() const { return &std::get<T>(v_); }
  const Refusal& refusal() const { return std::get<Refusal>(v_); }

 private:
  std::variant<T, Refusal> v_;
};

}  // namespace gossip
