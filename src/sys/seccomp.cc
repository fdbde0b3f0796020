#include <cerrno>

#include "sys/error.h"
#include "sys/sandbox.h"

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#define HAS_FILTER
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cstddef>
#endif

namespace gossip::sys {

#ifdef HAS_FILTER
namespace {

#ifdef __x86_64__
constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#endif
constexpr std::uint32_t kNewest = 446;  // landlock_restrict_self; whatever came later is newer than this list
constexpr std::uint32_t kKill = SECCOMP_RET_KILL_PROCESS, kAllow = SECCOMP_RET_ALLOW;

std::uint32_t answer(int code) { return code == 0 ? kAllow : SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(code); }

class Program {
 public:
  void load(std::size_t offset) { put(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void mask(std::uint32_t bits) { put(BPF_ALU | BPF_AND | BPF_K, bits); }
  // Goes on where it is equal, else over the next `skip` steps.
  void unless_equal(std::uint32_t value, std::size_t skip) { put(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip); }
  void over_one_if_equal(std::uint32_t value) { put(BPF_JMP | BPF_JEQ | BPF_K, value, 1); }
  void unless_above(std::uint32_t value, std::size_t skip) { put(BPF_JMP | BPF_JGT | BPF_K, value, 0, skip); }
  void end(std::uint32_t verdict) { put(BPF_RET | BPF_K, verdict); }
  std::vector<sock_filter>& steps() { return steps_; }

 private:
  void put(int code, std::uint32_t value, std::size_t yes = 0, std::size_t no = 0) {
    steps_.push_back({static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), value});
  }
  std::vector<sock_filter> steps_;
};

constexpr std::size_t kNumber = offsetof(seccomp_data, nr);

// Both machines are little-endian: the lower half comes first.
std::size_t lower_half(int argument) { return offsetof(seccomp_data, args) + sizeof(std::uint64_t) * static_cast<std::size_t>(argument); }

void put(Program& program, const Rule& rule) {
  const std::size_t steps = 3 * rule.where.size();
  const std::size_t again = rule.where.empty() ? 0 : 1;  // the number is loaded anew for the next rule
  program.unless_equal(static_cast<std::uint32_t>(rule.number), steps + 1 + again);
  for (std::size_t i = 0; i < rule.where.size(); ++i) {
    const Where& where = rule.where[i];
    program.load(lower_half(where.argument));
    program.mask(where.mask);
    program.unless_equal(where.value, steps - 3 * (i + 1) + 1);
  }
  program.end(answer(rule.refuse));
  if (again) program.load(kNumber);
}

}  // namespace

std::string filter_calls(const std::vector<Rule>& rules, Denied denied, SystemCall call) {
  Program program;
  program.load(offsetof(seccomp_data, arch));
  program.over_one_if_equal(kMachine);
  program.end(kKill);
  program.load(kNumber);
  for (const Rule& rule : rules) put(program, rule);
  program.unless_above(kNewest, 1);
  program.end(answer(ENOSYS));
  program.end(denied == Denied::kKills ? kKill : answer(EPERM));
  std::vector<sock_filter>& steps = program.steps();
  sock_fprog all{static_cast<unsigned short>(steps.size()), steps.data()};
  if (!no_new_privileges() || call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, reinterpret_cast<std::uintptr_t>(&all), 0) != 0)
    return reason(errno);
  return {};
}

#else

std::string filter_calls(const std::vector<Rule>&, Denied, SystemCall) { return reason(ENOSYS); }

#endif

}  // namespace gossip::sys
