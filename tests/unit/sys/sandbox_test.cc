// Kernels that have no fence, or half of one. What the fences do is seen in unit-gossipd and in the process tests.
#include "sys/sandbox.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

namespace gossip::sys {
namespace {

constexpr long kCreate = 444, kAdd = 445, kRestrict = 446;

// A kernel that answers to every call of one number with an error, and to the others well.
long g_failing = 0, g_version = 0;
int g_error = 0, g_calls = 0;
std::uint64_t g_taken[3];
std::size_t g_size = 0;

long kernel(long number, std::uintptr_t a, std::uintptr_t b, std::uintptr_t c, std::uintptr_t) {
  ++g_calls;
  if (number == g_failing) {
    errno = g_error;
    return -1;
  }
  if (number != kCreate) return 0;
  if (c == 1) return g_version;
  g_size = b;
  for (std::size_t i = 0; i < b / 8; ++i) g_taken[i] = reinterpret_cast<const std::uint64_t*>(a)[i];
  return ::dup(0);
}

Fenced try_with(long version, long failing, int error, bool connect = false) {
  g_version = version;
  g_failing = failing;
  g_error = error;
  g_calls = 0;
  g_taken[0] = g_taken[1] = g_taken[2] = 0;
  return fence_in({{{"/tmp", Use::kKeep}, {"/dev/null", Use::kWrite}, {"/nonexistent", Use::kRead}}, connect}, kernel);
}

TEST(Sandbox, AKernelWithoutLandlockIsNoFailure) {
  EXPECT_EQ(try_with(0, kCreate, ENOSYS).why, "function not implemented");
  EXPECT_EQ(g_calls, 1) << "nothing else is asked of it";
  EXPECT_EQ(try_with(0, kCreate, EOPNOTSUPP).why, "operation not supported");
  EXPECT_EQ(try_with(7, kAdd, EINVAL).version, 0);
  EXPECT_EQ(try_with(7, kRestrict, E2BIG).why, "argument list too long");
}

TEST(Sandbox, EveryVersionIsAskedForWhatItKnows) {
  const std::uint64_t files[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff, 0xffff, 0xffff, 0xffff};
  const std::size_t sizes[] = {0, 8, 8, 8, 16, 16, 24, 24, 24};
  for (int version = 1; version <= 8; ++version) {
    for (bool connect : {false, true}) {
      const Fenced fenced = try_with(version, 0, 0, connect);
      EXPECT_EQ(fenced.version, version);
      EXPECT_EQ(fenced.network(), version >= 4);
      EXPECT_EQ(g_size, sizes[version]) << version;
      EXPECT_EQ(g_taken[0], files[version]) << version;
      EXPECT_EQ(g_taken[1], version < 4 ? 0u : connect ? 1u : 3u) << version;
      EXPECT_EQ(g_taken[2], version < 6 ? 0u : 3u) << version;
      EXPECT_EQ(g_calls, 5) << "what is not there is left out";
    }
  }
}

TEST(Sandbox, AKernelWithoutFiltersIsNoFailure) {
  g_failing = 0;
  const auto refusing = [](long, std::uintptr_t, std::uintptr_t, std::uintptr_t, std::uintptr_t) -> long {
    errno = ENOSYS;
    return -1;
  };
  EXPECT_EQ(filter_calls({{1}}, Denied::kKills, refusing), "function not implemented");
}

}  // namespace
}  // namespace gossip::sys
