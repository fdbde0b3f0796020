#include "gossipc/words.h"

#include <algorithm>
#include <cstdio>

#include "gossip/text.h"
#include "gossipc/wrap.h"

namespace gossip::client {
namespace {

// Edit distance with swaps of neighbours (optimal string alignment): what fingers get wrong.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before, above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return above[b.size()];
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

}  // namespace

void note(std::string_view words) {
  const std::string line = folded_for(2, shown(words), 2) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int fail(Exit code, std::string_view what, std::string_view hint) {
  note("gossipc: " + std::string(what));
  if (!hint.empty()) note("gossipc: hint: " + std::string(hint));
  return code;
}

int fail(Exit code, const Refusal& refusal) { return fail(code, refusal.what, refusal.hint); }

std::optional<std::string> closest(std::string_view typed, const std::vector<std::string>& candidates) {
  if (typed.size() > 64) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_distance = typed.size() / 3 + 2;  // farther is not a slip of the finger
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(lowered(typed), lowered(candidate));
    if (d >= best_distance || d >= std::max(typed.size(), candidate.size())) continue;
    best_distance = d;
    best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& candidates, std::string_view otherwise) {
  const std::optional<std::string> best = closest(typed, candidates);
  return best ? "did you mean " + quoted(*best) + "?" : std::string(otherwise);
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  if (text.size() <= kLongest) return '"' + std::string(text) + '"';
  return '"' + std::string(text.substr(0, kLongest)) + "...\"";
}

}  // namespace gossip::client
