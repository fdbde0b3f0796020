#include "hub.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gossip/check.h"
#include "gossipd/driver.h"
#include "sys/background.h"
#include "sys/clock.h"

extern char** environ;

namespace gossip::daemon {
namespace {

constexpr Micros kPatience = 60 * kSecond;
constexpr Micros kTimers = kSecond / 10;
constexpr std::size_t kAtOnce = 64 * 1024;

std::string program(const char* name) { return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name; }

}  // namespace

// --- the hub

Hub::Hub(const std::string& directory) : db_path_(directory + "/g.db") {
  const std::pair<const char*, std::string> settings[] = {
      {"GOSSIPD_DB_PATH", db_path_}, {"GOSSIPD_USERNAME", "hub"}, {"GOSSIPD_LISTEN_PORT", "0"},
      {"GOSSIPD_RSA_BITS", "2048"},  {"GOSSIPD_KEY_POOL", "1"},   {"GOSSIPD_BOGUS_PCT", "0"},
      {"GOSSIPD_COVER", "off"}};
  for (const auto& [name, value] : settings) ::setenv(name, value.c_str(), 1);
}

Hub::~Hub() {
  if (worker_ == 0) return;
  ::kill(worker_, SIGKILL);
  ::waitpid(worker_, nullptr, 0);
}

void Hub::start() {
  sys::Fd theirs;
  sys::wake_pipe(log_, theirs);
  const std::string path = program("gossipd");
  std::string name = "gossipd";
  char* const arguments[] = {name.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), 2);
  const int fault = ::posix_spawn(&worker_, path.c_str(), &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (fault != 0) throw std::runtime_error("cannot start " + path);
  const std::string mark = "listening on 127.0.0.1 port ";
  for (const Micros end = sys::mono_us() + kPatience; sys::mono_us() < end && port_ == 0;) {
    sys::Poller poller;
    poller.add(log_.get(), true);
    poller.wait(kSecond);
    const auto at = log().find(mark);
    if (at != std::string::npos && said_.find('\n', at) != std::string::npos) port_ = std::atoi(said_.c_str() + at + mark.size());
  }
  if (port_ == 0) throw std::runtime_error("the hub does not listen: " + said_);
}

std::string Hub::log() {
  std::array<char, 4096> part;
  for (ssize_t n; (n = ::read(log_.get(), part.data(), part.size())) > 0;) said_.append(part.data(), static_cast<std::size_t>(n));
  return said_;
}

int Hub::stop() {
  ::kill(worker_, SIGTERM);
  int status = 0;
  if (::waitpid(worker_, &status, 0) != worker_) return -1;
  worker_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t Hub::listener() const {
  const std::string pid = std::to_string(worker_);
  pid_t child = 0;
  std::ifstream("/proc/" + pid + "/task/" + pid + "/children") >> child;
  return child;
}

std::string Hub::gossipc(const std::string& arguments) {
  FILE* out = ::popen((program("gossipc") + " " + arguments).c_str(), "r");
  GOSSIP_CHECK(out != nullptr);
  std::string all;
  std::array<char, 4096> part;
  for (std::size_t n; (n = std::fread(part.data(), 1, part.size(), out)) > 0;) all.append(part.data(), n);
  if (::pclose(out) != 0) throw std::runtime_error("gossipc " + arguments + " failed");
  return all;
}

// --- the friends

Friends::Friends()
    : responder_(*crypto_, *rng_), listening_(sys::listen_on(*sys::Address::parse("127.0.0.1", 0), 512)), buffer_(kAtOnce) {
  poller_.change(listening_.get(), 0, {}, {.read = true});
}

Friends::Friend::Friend(Crypto& crypto, Rng& rng, std::size_t number)
    : hub{number, 1, false, 0}, store(crypto, Hash{static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8), 1}),
      engine({}, store, crypto, rng) {}

void Friends::add(const test::TestKey& ours, const test::TestKey& hubs) {
  auto pair = std::make_shared<PairKeys>();
  pair->peer = friends_.size() + 1;
  pair->gen = 1;
  pair->ours = crypto::load_private(ours.private_der);
  pair->theirs = crypto::load_public(hubs.spki_der);
  pair->fp_ours = ours.fp;
  pair->fp_theirs = hubs.fp;
  const Secret32 psk = psk_of(*crypto_, {});
  pair->out = derive_statics(*crypto_, psk, ours.fp, hubs.fp);
  pair->in = derive_statics(*crypto_, psk, hubs.fp, ours.fp);
  friends_.push_back(std::make_unique<Friend>(*crypto_, *rng_, pair->peer));
  friends_.back()->keys = pair;
  friends_.back()->engine.handle(now(), PeersChanged{{friends_.back()->hub}});
  keys_.push_back(std::move(pair));
  responder_.set_peers(keys_);
  responder_.set_decoy(keys_.front()->theirs);  // nobody else calls
}

Now Friends::now() const { return clock_now(); }

std::size_t Friends::open(bool dialled) const {
  return static_cast<std::size_t>(std::count_if(links_.begin(), links_.end(), [&](const auto& one) {
    return one.second.announced && !one.second.over && one.second.channel->dialled() == dialled;
  }));
}

std::size_t Friends::fewest() const {
  std::size_t out = friends_.front()->store.disk.rows.size();
  for (const auto& one : friends_) out = std::min(out, one->store.disk.rows.size());
  return out;
}

EngineStats Friends::total() const {
  EngineStats out;
  for (const auto& one : friends_) {
    out.bodies += one->engine.stats().bodies;
    out.bodies_twice += one->engine.stats().bodies_twice;
    out.protocol_errors += one->engine.stats().protocol_errors;
  }
  return out;
}

Hash Friends::say(std::size_t friend_number, const std::string& text) {
  Friend& one = *friends_.at(friend_number);
  Message message;
  message.created = created_at(now().wall_ms, 0);
  message.salt = rng_->array<16>();
  message.sender = "friend";
  message.text = text;
  const Hash id = one.store.publish(message);
  one.engine.handle(now(), Bell{});
  awake_.insert(&one);
  return id;
}

void Friends::turn(Micros at_most) {
  poller_.clear();
  poller_.wait(busy_.empty() && awake_.empty() ? std::min(at_most, kTimers) : 0);
  for (const auto& ready : poller_.ready()) {
    if (ready.tag == 0) accept_calls();
    auto link = links_.find(ready.tag);
    if (link == links_.end()) continue;
    link->second.readable = ready.read;
    busy_.insert(ready.tag);
  }
  if (now().mono >= all_at_) {
    all_at_ = now().mono + kTimers;
    for (const auto& [id, link] : links_) busy_.insert(id);
    for (const auto& one : friends_) {
      if (hub_port_ != 0 && !std::exchange(one->hub.dialable, true)) one->engine.handle(now(), PeersChanged{{one->hub}});
      awake_.insert(one.get());
    }
  }
  for (LinkId id : busy_) feed(id);
  for (Friend* one : std::exchange(awake_, {})) run(*one);
  for (LinkId id : std::exchange(busy_, {})) end_turn(id);
}

void Friends::accept_calls() {
  sys::Call call;
  while (sys::accept_call(listening_.get(), call) == sys::Accepted::kCall)
    adopt(std::move(call.fd), Channel::accept(*crypto_, *rng_, responder_, now()));
}

void Friends::dial(Friend& one) {
  int fault = 0;
  sys::Fd fd = sys::start_dial(*sys::Address::parse("127.0.0.1", hub_port_), fault);
  if (fd) adopt(std::move(fd), Channel::dial(*crypto_, *rng_, one.keys, now()));
  else one.engine.handle(now(), DialFailed{one.hub.peer, fault == ECONNREFUSED ? Why::kRefused : Why::kUnreachable});
}

void Friends::adopt(sys::Fd fd, std::unique_ptr<Channel> channel) {
  Link link;
  link.fd = std::move(fd);
  link.channel = std::move(channel);
  links_.emplace(++last_, std::move(link));
  busy_.insert(last_);
}

void Friends::feed(LinkId id) {
  auto it = links_.find(id);
  if (it == links_.end()) return;
  Link& link = it->second;
  if (std::exchange(link.readable, false)) link.read(now(), buffer_);
  link.tick(now());
  if (link.channel->wants_work()) link.work(now());
  settle(id, link);
}

void Friends::settle(LinkId id, Link& link) {
  Channel& channel = *link.channel;
  if (!link.announced && !link.over && channel.open()) {
    link.announced = true;
    Friend& one = *friends_.at(channel.peer() - 1);
    one.links.insert(id);
    one.engine.handle(now(), LinkUp{id, channel.peer(), 1, channel.dialled()});
    one.engine.handle(now(), Writable{id, channel.free()});
  }
  const bool ends = !link.over && link.end() != End::kOpenStill;
  if (!link.announced && !(ends && channel.dialled())) return;
  Friend& one = *friends_.at(channel.peer() - 1);
  awake_.insert(&one);
  if (!channel.stream().empty()) {
    if (!link.over) one.engine.handle(now(), BytesIn{id, channel.stream()});
    channel.take_stream();
  }
  if (!ends) return;
  link.over = true;
  if (link.announced) one.engine.handle(now(), LinkDown{id, link.end()});
  else one.engine.handle(now(), DialFailed{channel.peer(), why_of(link.end())});
}

void Friends::run(Friend& one) {
  one.engine.tick(now());
  for (int round = 0; round < 16; ++round) {
    GOSSIP_CHECK(one.engine.flush(now()));
    act(one);
    bool moved = false;
    for (LinkId id : one.links) {
      Link& link = links_.at(id);
      if (!link.write(now())) continue;
      moved = true;
      busy_.insert(id);
      if (!link.over) one.engine.handle(now(), Writable{id, link.channel->free()});
    }
    if (!moved && !one.engine.more()) return;
  }
  awake_.insert(&one);
}

void Friends::act(Friend& one) {
  for (Action action; one.engine.poll(action);) {
    if (std::holds_alternative<Dial>(action)) dial(one);
    if (auto* send = std::get_if<Send>(&action)) {
      if (one.links.contains(send->link)) links_.at(send->link).send(send->bytes), busy_.insert(send->link);
    }
    if (auto* close = std::get_if<CloseLink>(&action)) {
      auto link = links_.find(close->link);
      if (link == links_.end()) continue;
      link->second.over = true;
      link->second.close(now(), close->code);
      busy_.insert(close->link);
    }
  }
}

void Friends::end_turn(LinkId id) {
  auto it = links_.find(id);
  if (it == links_.end()) return;
  Link& link = it->second;
  link.end_turn(now());
  const bool moved = link.write(now());
  settle(id, link);
  link.watch(poller_, id);
  if (moved && link.announced && !link.over) {
    friends_.at(link.channel->peer() - 1)->engine.handle(now(), Writable{id, link.channel->free()});
    awake_.insert(friends_.at(link.channel->peer() - 1).get());
  }
  if (!link.gone()) return;
  if (link.announced) friends_.at(link.channel->peer() - 1)->links.erase(id);
  link.unwatch(poller_, id);
  links_.erase(it);
}

}  // namespace gossip::daemon
