#include "db/graph.h"

#include <map>

#include "gossip/text.h"
#include "gossipc/store.h"

namespace gossip::client {
namespace {

// A quoted string of Graphviz, where a backslash begins an escape: nothing in it ends it or means anything.
std::string label(std::string_view text) {
  std::string out = "\"";
  for (char c : shown(text, Show::kLine)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string node_of(PeerId peer) { return peer == 0 ? "me" : "p" + std::to_string(peer); }

std::string messages_words(std::int64_t n) { return std::to_string(n) + (n == 1 ? " message" : " messages"); }

}  // namespace

// Solid is what we know: who delivered to us. Dashed is what was claimed on the way: a name, and no more than a name, though it
// may be that of a friend.
int graph(Call& call) {
  db::Database db = open_to_read(call);
  std::map<PeerId, db::Delivered> nodes;
  for (const db::Peer& peer : db::list_peers(db)) nodes[peer.id] = {peer.id, peer.name, 0};
  for (const db::Delivered& one : db::deliveries(db)) nodes[one.peer] = one;
  nodes.erase(0);

  Out& out = call.out;
  out.put("digraph gossip {\n  rankdir=LR;\n  me [label=\"self\", shape=doublecircle];\n");
  for (const auto& [peer, one] : nodes) {
    out.put("  " + node_of(peer) + " [label=" + label(one.name) + ", shape=ellipse];\n");
    out.put("  " + node_of(peer) + " -> me [label=\"" + messages_words(one.messages) + "\", style=solid" +
            (one.messages == 0 ? ", color=gray" : "") + "];\n");
  }
  std::map<std::string, std::string> claimed;  // a node for each name
  for (const db::Claimed& one : db::claims(db)) {
    auto [node, fresh] = claimed.try_emplace(one.sender, "c" + std::to_string(claimed.size() + 1));
    if (fresh) out.put("  " + node->second + " [label=" + label(one.sender) + ", shape=plaintext];\n");
    out.put("  " + node->second + " -> " + node_of(one.via) + " [label=\"" + messages_words(one.messages) + "\", style=dashed];\n");
  }
  out.put("}\n");
  return kDone;
}

}  // namespace gossip::client
