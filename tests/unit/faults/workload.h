// What gossipd and gossipc do with their store, in a random order, by the functions they do it with; and what has to be true of
// the store ever after, whatever happened to it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "db/checkpoint.h"
#include "db/log.h"
#include "support/test_rng.h"
#include "support/toy_crypto.h"

namespace gossip::test {

class Workload {
 public:
  Workload(std::string path, std::uint64_t seed);
  ~Workload();

  void prepare();                        // makes the store, and a friend
  // So many steps. An error ends it and is thrown; one after resume() is noted, and the step done again: in a fresh process, unless
  // it was only that there was no room.
  void run(unsigned steps);
  void resume() { resumes_ = true; }
  const std::vector<db::Trouble>& met() const { return met_; }
  void close();                          // all connections, as at an exit
  // Opens the store anew. What is not as it must be, or nothing. What else was tried and is there has to stay there.
  std::string wrong();
  std::size_t acknowledged() const { return kept_.size(); }

 private:
  struct Worker;                         // its connections
  struct Friend {
    std::string name;
    PeerId id = 0;
    bool certain = true;                 // that it is there
    Seq heard = 0, tried = 0;            // of its log; the cursor lies between
  };
  using Step = std::function<void()>;

  Worker& worker();
  void attempt(const Step& step);
  void one_step();
  void say();
  void hear();
  void befriend();
  void unfriend();
  void rekey();
  void note();
  void look();
  void drop();
  void tidy();
  Incoming message(PeerId via, std::uint64_t number, std::uint64_t size);
  std::string wrong_log(db::Database& db);
  std::string wrong_friends(db::Database& db);
  std::string wrong_notes(db::Database& db);

  std::string path_;
  TestRng rng_;
  ToyCrypto crypto_;
  bool resumes_ = false;
  std::vector<db::Trouble> met_;
  std::unique_ptr<Worker> worker_;
  std::map<std::string, Friend> friends_;
  std::set<std::string> gone_;           // for certain
  std::set<Hash> kept_, tried_;          // acknowledged; and all there may be
  std::set<Hash> dropped_, dropping_;    // whose text is gone; and may be gone
  std::uint64_t said_ = 0, named_ = 0, keys_ = 0, counted_ = 0, counting_ = 0;
};

}  // namespace gossip::test
