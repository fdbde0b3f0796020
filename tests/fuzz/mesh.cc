// A few honest engines in a world of cuts, crashes and failing commits: in the end they must all hold the same.
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
  auto node = [&] { return feed.u8() % count; };
  for (int i = 0; i < 60 && !feed.done(); ++i) {
    const int a = node();
    switch (feed.u8() % 8) {
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
  return 0;
}
