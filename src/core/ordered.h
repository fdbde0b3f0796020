// Ordered: a map or a set in one vector, for keys that mostly come in ascending order and go from the front, as the seqs of a log
// do. Appending and taking the first cost O(1), the rest a search and a move of what lies behind. Rationale: what is looked at
// together lies together; a tree would cost an allocation and a cache miss for each of its nodes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace gossip {

template <class Item, class Key, class KeyOf>
class Ordered {
 public:
  using Items = std::vector<Item>;
  using iterator = typename Items::iterator;
  using const_iterator = typename Items::const_iterator;

  iterator begin() { return items_.begin() + head_; }
  iterator end() { return items_.end(); }
  const_iterator begin() const { return items_.begin() + head_; }
  const_iterator end() const { return items_.end(); }
  bool empty() const { return size() == 0; }
  std::size_t size() const { return items_.size() - static_cast<std::size_t>(head_); }

  iterator lower_bound(const Key& key) { return std::lower_bound(begin(), end(), key, before); }
  const_iterator lower_bound(const Key& key) const { return std::lower_bound(begin(), end(), key, before); }
  iterator find(const Key& key) {
    auto it = lower_bound(key);
    return it != end() && KeyOf()(*it) == key ? it : end();
  }
  const_iterator find(const Key& key) const {
    auto it = lower_bound(key);
    return it != end() && KeyOf()(*it) == key ? it : end();
  }
  bool contains(const Key& key) const { return find(key) != end(); }

  // Nothing changes when the key is there already; the bool says whether it was not.
  std::pair<iterator, bool> insert(Item item) {
    const Key& key = KeyOf()(item);
    if (empty() || KeyOf()(items_.back()) < key) {
      items_.push_back(std::move(item));
      return {std::prev(end()), true};
    }
    auto it = lower_bound(key);
    if (KeyOf()(*it) == key) return {it, false};
    return {items_.insert(it, std::move(item)), true};
  }
  iterator erase(iterator it) {
    if (it != begin()) return items_.erase(it);
    *it = Item();
    ++head_;
    tidy();
    return begin();
  }
  bool erase(const Key& key) {
    auto it = find(key);
    if (it == end()) return false;
    erase(it);
    return true;
  }
  void clear() {
    items_.clear();
    head_ = 0;
  }

 private:
  static bool before(const Item& item, const Key& key) { return KeyOf()(item) < key; }

  void tidy() {
    constexpr std::ptrdiff_t kSlack = 32;
    constexpr std::size_t kKeep = 1024;  // what a crowd needed is given back
    if (empty()) {
      clear();
      if (items_.capacity() > kKeep) items_ = Items();
    } else if (head_ >= kSlack && head_ >= static_cast<std::ptrdiff_t>(size())) {
      items_.erase(items_.begin(), begin());
      head_ = 0;
    }
  }

  Items items_;
  std::ptrdiff_t head_ = 0;  // the first that is not gone
};

struct FirstOf {
  const auto& operator()(const auto& item) const { return item.first; }
};
struct Itself {
  const auto& operator()(const auto& item) const { return item; }
};
template <class Key, class Value>
using OrderedMap = Ordered<std::pair<Key, Value>, Key, FirstOf>;
template <class Key>
using OrderedSet = Ordered<Key, Key, Itself>;

}  // namespace gossip
