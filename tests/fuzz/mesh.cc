// A few honest engines in a world of cuts, crashes and failing commits: in the end they must all hold the same,
// and what was dropped when all held it has not come back.
#include <algorithm>
#include <set>

#include "gossip/check.h"
#include "support/fuzz_input.h"
#include "support/network.h"

using namespace gossip;
using namespace gossip::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Feed feed(data, size);
  Network net(feed.u8());
  const int count = 2 + feed.u8() % 3;
  for (int i = 0; i < count; ++i) net.add_node();
  for (int i = 1; i < count; ++i) net.befriend(i - 1, i, feed.u8() % 4 != 0, true);
  if (count > 2 && feed.u8() & 1) net.befriend(0, count - 1);
  std::size_t published = 0;
  std::set<std::pair<int, Hash>> dropped;
  auto node = [&] { return feed.u8() % count; };
  for (int i = 0; i < 60 && !feed.done(); ++i) {
    const int a = node();
    switch (feed.u8() % 9) {
      case 0:
      case 1: {
        const std::string text(1 + feed.u8() * 7u, 'x');
        if (!net.nodes[static_cast<std::size_t>(a)].engine) break;
        net.publish(a, text);
        ++published;
        break;
      }
      case 2: net.cut(a, node()); break;
      case 3: net.heal(a, node()); break;
      case 4: net.crash(a); break;
      case 5: if (!net.nodes[static_cast<std::size_t>(a)].engine) net.start(a); break;
      case 6: net.nodes[static_cast<std::size_t>(a)].store->fail_commits = feed.u8() % 4; break;
      case 8: {
        MemoryStore& store = *net.nodes[static_cast<std::size_t>(a)].store;
        const std::size_t row = feed.u8();
        if (row >= store.disk.rows.size()) break;
        const LogRow& which = store.disk.rows[row];
        const auto holds = [&](const auto& n) { return n.store->disk.ids.count({which.epoch, which.id}) != 0; };
        if (!std::all_of(net.nodes.begin(), net.nodes.end(), holds)) break;
        dropped.insert({a, which.id});
        store.drop_body(row + 1);
        break;
      }
      default: net.run_for(static_cast<Micros>(feed.u8()) * 100 * kMillisecond);
    }
  }
  for (int i = 0; i < count; ++i) {
    for (int k = 0; k < count; ++k) net.heal(i, k);
    net.nodes[static_cast<std::size_t>(i)].store->fail_commits = 0;
    if (!net.nodes[static_cast<std::size_t>(i)].engine) net.start(i);
  }
  GOSSIP_CHECK(net.run_until([&] { return net.all_hold(published); }, 20 * kMinute));  // I9
  for (const auto& n : net.nodes) GOSSIP_CHECK(n.store->disk.ids.size() == published);  // I1
  for (int i = 0; i < count; ++i) {
    const auto& disk = net.nodes[static_cast<std::size_t>(i)].store->disk;
    for (std::size_t row = 0; row < disk.rows.size(); ++row)  // F16
      GOSSIP_CHECK(disk.bodies[row].empty() == (dropped.count({i, disk.rows[row].id}) != 0));
  }
  return 0;
}
