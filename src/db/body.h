// The columns of table body, and the canonical bytes of a message they stand for (gossip(7), MESSAGES). Private to the floor.
#pragma once

#include <string_view>

#include "db/sqlite.h"

namespace gossip::db {

constexpr std::size_t kHeadSize = 29;  // version to number of parents; they follow, 32 bytes each

struct BodyColumns {
  View head;
  std::string_view sender, text;
  bool known = false;  // false: a kind that is carried only, all of it in head
};

// Views of `message`. REQUIRES one that was checked.
BodyColumns split_body(View message);

// Appends what a row with head, sender and text at `column` and the two behind it stands for.
void append_body(Bytes& canonical, const Statement& row, int column);

}  // namespace gossip::db
