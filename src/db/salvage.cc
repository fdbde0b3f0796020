#include "db/salvage.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "db/backup.h"
#include "db/body.h"
#include "db/files.h"
#include "db/graft.h"
#include "db/inspect.h"
#include "db/peers.h"
#include "db/schema.h"
#include "db/walk.h"
#include "gossip/chain.h"
#include "gossip/message.h"
#include "gossip/pair.h"

namespace gossip::db {
namespace {

// Others follow, in the order the tables' description has them. Who is named by a row comes before it.
constexpr std::string_view kFirst[] = {"meta", "who", "keys", "peers"};
constexpr std::string_view kOfTheLog[] = {"log", "body", "log_chain", "total"};
constexpr std::string_view kOfFriends[] = {"keys", "peers", "peer_address", "peer_sync", "peer_state"};

template <std::size_t N>
bool among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// Without the index of words, which the daemon makes anew, and what is kept for a while only: questions, and who told us of what.
std::vector<std::string> tables_of(Database& db) {
  std::vector<std::string> all = db.texts(
      "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search%'"
      " AND name NOT IN ('heard', 'ping') ORDER BY rowid");
  std::stable_partition(all.begin(), all.end(), [](const std::string& name) { return among(kFirst, name); });
  std::sort(all.begin(), all.begin() + std::size(kFirst), [](const std::string& a, const std::string& b) {
    return std::find(std::begin(kFirst), std::end(kFirst), a) < std::find(std::begin(kFirst), std::end(kFirst), b);
  });
  return all;
}

struct Named {  // by the log's index as well as by its rows
  std::uint64_t epoch = 0;
  Hash id{};
  bool operator==(const Named&) const = default;
};

struct Row {
  std::optional<Named> row, index;
  std::int64_t via = 0, heard_ms = 0, size = 0;
};

class Salvage {
 public:
  Salvage(Database& from, Database& into, Crypto& crypto, const KeyFits& key_fits, const Progress& progress)
      : from_(from), into_(into), crypto_(crypto), key_fits_(key_fits), progress_(progress) {}

  Salvaged run() {
    Transaction all(into_);
    look_at_seal();
    into_.exec("DELETE FROM meta WHERE k<>'log_key'");
    for (const std::string& table : tables_of(into_)) {
      if (!among(kOfTheLog, table)) copy(table);
    }
    into_.exec("INSERT INTO meta(k, v) VALUES('peers', 1) ON CONFLICT(k) DO NOTHING");
    into_.exec("DELETE FROM meta WHERE k LIKE 'search%'");
    log();
    settle();
    all.commit();
    return std::move(out_);
  }

 private:
  // A sealed fingerprint is longer.
  void look_at_seal() {
    bool mark = false, blobs = false;
    walk_table("meta", "k", [&](const Statement& row) { mark = mark || row.text(1) == "seal"; });
    walk_table("keys", "fp", [&](const Statement& row) { blobs = blobs || row.blob(1).size() != sizeof(Hash); });
    walk_table("who", "name", [&](const Statement& row) { blobs = blobs || !row.is_text(1); });
    out_.sealed = mark;
    out_.seal_lost = blobs && !mark;
  }

  // A table that is not there has one gap.
  Walked walk_table(const std::string& table, const std::string& columns, const std::function<void(const Statement&)>& take) {
    try {
      from_.prepare("SELECT " + columns + " FROM " + table);
    } catch (const Error& error) {
      if (error.trouble() != Trouble::kOther && !is_damage(error)) throw;
      return {0, 1, true};
    }
    return walk(from_, table, columns, [&](const Statement& row) { progress_(0, 0), take(row); });
  }

  void copy(const std::string& table) {
    SalvagedTable count{table};
    const std::vector<std::string> there = columns_of(from_, table);
    std::string names, places;
    int n = 0;
    for (const std::string& column : columns_of(into_, table)) {
      if (std::find(there.begin(), there.end(), column) == there.end()) continue;  // a later version's
      names += (n ? ", " : "") + column, places += n ? ", ?" : "?";
      ++n;
    }
    if (n == 0) {
      count.gaps = 1;
      out_.tables.push_back(count);
      return;
    }
    const bool useless = out_.seal_lost && among(kOfFriends, table);
    Statement add = into_.prepare("INSERT INTO " + table + "(" + names + ") VALUES(" + places + ")");
    const Walked walked = walk_table(table, names, [&](const Statement& row) {
      if (already_there(table, row)) return;
      ++(!useless && fits(table, row) && put(add, row, n) ? count.kept : count.refused);
    });
    count.gaps = walked.gaps;
    out_.tables.push_back(count);
  }

  bool put(Statement& add, const Statement& row, int columns) try {
    for (int i = 1; i <= columns; ++i) add.bind(i, row, i);
    add.run();
    return true;
  } catch (const Error& error) {
    if (error.trouble() != Trouble::kOther) throw;
    add.reset();
    return false;
  }

  // What a new store has of its own. The log's key is looked at when it is known what became of the log.
  bool already_there(const std::string& table, const Statement& row) {
    if (table == "who") return row.integer(0) == 0;
    if (table != "meta" || row.text(1) != "log_key") return false;
    if (row.blob(2).size() == sizeof(Hash)) log_key_ = row.hash(2);
    return true;
  }

  bool fits(const std::string& table, const Statement& row) {
    if (table == "who") return !out_.seal_lost || row.is_text(2);
    if (table == "keys" && !out_.sealed) return row.blob(2).size() == sizeof(Hash) && key_fits_(row.blob(3), row.hash(2));
    return true;
  }

  // --- the log

  void read_log() {
    const Walked walked = walk_table("log", "epoch, id, via, heard_ms, size, scope", [&](const Statement& row) {
      if (row.integer(0) < 1 || row.integer(6) != 0 || row.blob(2).size() != sizeof(Hash)) return;
      rows_[row.integer(0)] = {Named{static_cast<std::uint64_t>(row.integer(1)), row.hash(2)}, {}, row.integer(3), row.integer(4),
                               row.integer(5)};
    });
    const bool indexed = read_index("") || read_index(" DESC");
    out_.tail_unknown = walked.tail_lost && !indexed;
  }

  // True when all of it was read.
  bool read_index(const char* direction) try {
    Statement rows = from_.prepare(
        std::string("SELECT rowid, epoch, id FROM log INDEXED BY sqlite_autoindex_log_1 WHERE scope=0 ORDER BY scope") + direction +
        ", epoch" + direction + ", id" + direction);
    while (rows.step()) {
      progress_(0, 0);
      if (rows.integer(0) < 1 || rows.blob(2).size() != sizeof(Hash)) continue;
      rows_[rows.integer(0)].index = Named{static_cast<std::uint64_t>(rows.integer(1)), rows.hash(2)};
    }
    return true;
  } catch (const Error& error) {
    if (error.trouble() != Trouble::kOther && !is_damage(error)) throw;
    return false;
  }

  enum class Text { kThere, kNone, kUnreadable };

  // Sets the canonical bytes, and leaves the columns in body_.
  Text read_text(std::int64_t seq, Bytes& canonical) try {
    canonical.clear();
    if (!body_) body_ = from_.prepare("SELECT seq, head, sender, text FROM body WHERE seq=?");
    body_->reset();
    if (!body_->bind(1, seq).step()) return Text::kNone;
    append_body(canonical, *body_, 1);
    return Text::kThere;
  } catch (const Error& error) {
    if (error.trouble() != Trouble::kOther && !is_damage(error)) throw;
    return Text::kUnreadable;
  }

  // What the bytes say of themselves, where somebody says that they should be here.
  std::optional<Named> proven(const Row& row, View canonical) {
    Message message;
    if (decode_message(canonical, message) != MessageFault::kNone) return std::nullopt;
    const Named own{epoch_of(message.created), message_id(crypto_, canonical)};
    return row.row == own || row.index == own ? std::optional(own) : std::nullopt;
  }

  // A friend whose number is all that is left. Names that are sealed cannot be made here.
  bool stand_in(std::int64_t via) {
    if (via < 0 || !known_.insert(via).second) return via >= 0;
    Statement row = into_.prepare("SELECT 1 FROM who WHERE id=?");
    if (row.bind(1, via).step()) return true;
    if (out_.sealed) {
      known_.erase(via);
      return false;
    }
    const std::string name = "unknown~" + std::to_string(via);
    into_.prepare("INSERT INTO who(id, name) VALUES(?, ?)").bind(1, via).bind(2, std::string_view(name)).run();
    return true;
  }

  // Who delivered it is known by the row alone.
  std::optional<std::int64_t> via_of(const Row& row) {
    if (row.row) return stand_in(row.via) ? std::optional(row.via) : std::nullopt;
    if (!nobody_) {
      nobody_ = std::max(into_.number("SELECT max(id) + 1 FROM who"), last_who(from_).value_or(0) + 1);
    }
    return stand_in(*nobody_) ? nobody_ : std::nullopt;
  }

  void add(const Named& named, std::int64_t via, std::int64_t heard_ms, std::int64_t size, bool text) {
    if (!add_row_) {
      add_row_ = into_.prepare("INSERT INTO log(seq, scope, epoch, id, via, heard_ms, size) VALUES(?, 0, ?, ?, ?, ?, ?)");
      add_body_ = into_.prepare("INSERT INTO body(seq, head, sender, text) VALUES(?, ?, ?, ?)");
      add_chain_ = into_.prepare("INSERT INTO log_chain(seq, chain) VALUES(?, ?)");
    }
    const std::int64_t seq = out_.kept + 1;
    add_row_->bind(1, seq).bind(2, signed_of(named.epoch)).bind(3, named.id).bind(4, via).bind(5, heard_ms).bind(6, size).run();
    if (text) add_body_->bind(1, seq).bind(2, *body_, 1).bind(3, *body_, 2).bind(4, *body_, 3).run();
    chain_ = chain_next(crypto_, chain_, named.id);
    if (seq % static_cast<std::int64_t>(kChainStep) == 0) add_chain_->bind(1, seq).bind(2, chain_).run();
    out_.kept = seq;
    ++(text ? out_.whole : out_.without_text);
    heard_ms_ = heard_ms;
    ids_.insert({named.epoch, named.id});
  }

  // Positions close up, and with them what was noted as done up to one.
  struct Mark {
    const char* key;
    std::int64_t was = 0;
    std::optional<std::int64_t> now = {};
  };
  std::vector<Mark> read_marks() {
    std::vector<Mark> out;
    for (const char* key : {"handed_upto", "read_mark"}) {
      if (const auto was = meta_number(into_, key)) out.push_back({key, *was});
    }
    return out;
  }

  void log() {
    read_log();
    Bytes canonical;
    std::vector<Mark> marks = read_marks();
    for (std::int64_t done = 0; const auto& [seq, row] : rows_) {
      progress_(done++, static_cast<std::int64_t>(rows_.size()));
      for (Mark& mark : marks) mark.now = seq > mark.was && !mark.now ? out_.kept : mark.now;
      const Text text = read_text(seq, canonical);
      const bool dropped = text == Text::kNone && row.row && row.size == 0 && (!row.index || row.index == row.row);
      const std::optional<Named> named = text == Text::kThere ? proven(row, canonical) : dropped ? row.row : std::nullopt;
      if (!named) {
        ++(text == Text::kThere ? out_.wrong : out_.textless);
        continue;
      }
      const std::optional<std::int64_t> via = ids_.count({named->epoch, named->id}) ? std::nullopt : via_of(row);
      if (!via) continue;  // counted as lost
      if (!row.row) ++out_.unknown_via;
      add(*named, *via, row.row ? row.heard_ms : heard_ms_, static_cast<std::int64_t>(canonical.size()), text == Text::kThere);
    }
    for (const Mark& mark : marks) put_number(into_, mark.key, mark.now.value_or(out_.kept));
    const std::int64_t known = rows_.empty() ? 0 : rows_.rbegin()->first;
    const std::int64_t told = out_.kept + out_.wrong + out_.textless;
    out_.lost = std::max<std::int64_t>(0, std::min<std::int64_t>(known, told + 1'000'000'000) - told);
  }

  // An acknowledgement or a cursor that is zero costs a repetition; one that is too great, mail.
  void settle() {
    out_.new_log = !log_key_ || out_.wrong || out_.textless || out_.lost || out_.tail_unknown;
    if (!out_.new_log) {
      into_.prepare("UPDATE meta SET v=? WHERE k='log_key'").bind(1, *log_key_).run();
    } else {
      into_.exec("DELETE FROM peer_sync");
    }
    into_.exec(
        "UPDATE total SET (own, texts, bytes, own_bytes) ="
        " (SELECT count(*) FILTER (WHERE via=0), count(*) FILTER (WHERE size<>0), coalesce(sum(size), 0),"
        " coalesce(sum(size) FILTER (WHERE via=0), 0) FROM log)");
    go_on_counting(into_, last_who(from_), true);
  }

  Database& from_;
  Database& into_;
  Crypto& crypto_;
  const KeyFits& key_fits_;
  const Progress& progress_;
  Salvaged out_;
  std::optional<Hash> log_key_;
  std::map<std::int64_t, Row> rows_;                    // by the old position
  std::set<std::pair<std::uint64_t, Hash>> ids_;        // in the new log
  std::set<std::int64_t> known_;                        // numbers of friends in `into`
  std::optional<std::int64_t> nobody_;                  // a number for who is not known
  std::optional<Statement> body_, add_row_, add_body_, add_chain_;
  Hash chain_{};
  std::int64_t heard_ms_ = 0;
};

std::unique_ptr<Database> open_damaged(const std::string& path) try {
  return std::make_unique<Database>(path, Database::Mode::kWrite, 0);
} catch (const Error& error) {
  if (error.trouble() != Trouble::kOther && !is_damage(error)) throw;
  return nullptr;
}

bool anything(const Salvaged& out) {
  const auto friends = [](const SalvagedTable& one) { return one.name == "peers" && one.kept > 0; };
  return out.kept > 0 || std::any_of(out.tables.begin(), out.tables.end(), friends);
}

bool complete(const Salvaged& out) {
  const auto torn = [](const SalvagedTable& one) { return one.gaps + one.refused > 0; };
  return out.wrong + out.textless + out.lost == 0 && !out.tail_unknown && std::none_of(out.tables.begin(), out.tables.end(), torn);
}

[[noreturn]] void nothing(const char* what) { throw Error(Trouble::kDamaged, std::string(what) + " in it can be read", "put a backup in its place"); }

}  // namespace

static Salvaged salvage_into(const std::string& work, const std::string& damaged, Crypto& crypto, const KeyFits& key_fits,
                             const Progress& progress) {
  fill_store(work);
  auto to = std::make_unique<Database>(open_store(work, {}));
  std::unique_ptr<Database> from = open_damaged(damaged);
  const bool whole = from && has_all_tables(*from);
  if (!whole) {
    from.reset(), to.reset();
    graft_tables(damaged, work);
    from = open_damaged(damaged);
    to = std::make_unique<Database>(open_store(work, {}));
    if (!from || !has_all_tables(*from)) nothing("nothing");
  }
  to->tidy_at_close();
  if (const std::int64_t version = from->pragma("user_version"); whole && version > kSchemaVersion)
    throw Error(Trouble::kNewer, "it has schema " + std::to_string(version) + ", made by a newer gossipd", "install the newer one");
  Salvaged out = Salvage(*from, *to, crypto, key_fits, progress).run();
  out.new_tables = !whole;
  if (!anything(out) && !(whole && complete(out))) nothing("no message and no friend");
  return out;
}

Salvaged salvage(const std::string& damaged, const std::string& into, Crypto& crypto, const KeyFits& key_fits, const Progress& progress) {
  for (const char* rest : {"", "-wal", "-shm", "-journal"})
    if (check_file(into + rest) >= 0) throw Error(Trouble::kNotOurs, into + rest + " is there already", "choose another name");
  Unfinished work(into);
  Salvaged out = salvage_into(work.path(), damaged, crypto, key_fits, progress);
  if (size_of(work.path() + "-wal") > 0) throw Error(Trouble::kIo, work.path() + " cannot be written");
  work.name(into, false);
  return out;
}

}  // namespace gossip::db
