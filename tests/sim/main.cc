// sim [-r] [-s SEED] [-n NODES] [-t THREADS] [SCENARIO...]: runs scenarios and prints their figures; exit 1 when one misses its
// bar. -r runs each a second time, in one thread, and wants the same trace.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/scenarios.h"

using namespace gossip;

static bool wanted(const char* name, int argc, char** argv) {
  if (optind == argc) return true;
  for (int i = optind; i < argc; ++i) {
    if (std::strcmp(argv[i], name) == 0) return true;
  }
  return false;
}

// Of this process until now: seconds of CPU, all threads together, and the most memory it had, in MB.
struct Used {
  double cpu = 0;
  long memory = 0;
};
static Used used() {
  rusage r{};
  getrusage(RUSAGE_SELF, &r);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return Used{seconds(r.ru_utime) + seconds(r.ru_stime), r.ru_maxrss / 1024};
}

static double ms(Micros t) { return static_cast<double>(t) / 1000; }

int main(int argc, char** argv) {
  sim::Options options;
  bool repeat = false;
  for (int c; (c = getopt(argc, argv, "rs:n:t:")) != -1;) {
    if (c == '?') return 2;
    if (c == 'r') {
      repeat = true;
      continue;
    }
    const unsigned long v = std::strtoul(optarg, nullptr, 10);
    if (c == 's') options.seed = v;
    if (c == 'n') options.nodes = static_cast<sim::NodeId>(v);
    if (c == 't') options.threads = static_cast<unsigned>(v);
  }
  int run = 0, failed = 0;
  for (const sim::Scenario& s : sim::scenarios()) {
    if (!wanted(s.name, argc, argv)) continue;
    const auto start = std::chrono::steady_clock::now();
    const Used before = used();
    sim::Outcome out = s.run(options);
    if (repeat) {
      sim::Options alone = options;
      alone.threads = 1;
      const sim::Outcome again = s.run(alone);
      if (again.trace != out.trace) out.note += "NOT THE SAME TRACE in one thread";
      out.passed = out.passed && again.trace == out.trace;
    }
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const sim::Figures& f = out.figures;
    std::printf("%-4s %s: %s\n     bar: %s\n", s.name, out.passed ? "passed" : "FAILED", s.what, s.bar);
    std::printf("     coverage %.6f  redundancy %.4f  last hop %u  p50 %.0f ms  p99 %.0f ms  last %.0f ms  per message: %.1f control "
                "frames, %.0f bytes\n", f.coverage, f.redundancy, f.last_hop, ms(f.p50), ms(f.p99), ms(f.last), f.frames, f.bytes);
    if (!out.note.empty()) std::printf("     %s\n", out.note.c_str());
    const Used after = used();
    std::printf("     seed %llu  trace %016llx  %.1f s, %.1f s of CPU; %ld MB\n", static_cast<unsigned long long>(options.seed),
                static_cast<unsigned long long>(out.trace), took, after.cpu - before.cpu, after.memory);
    if (!out.passed) std::printf("     again: sim -s %llu -n %u %s\n", static_cast<unsigned long long>(options.seed), options.nodes, s.name);
    std::fflush(stdout);
    ++run;
    failed += !out.passed;
  }
  std::printf("%d passed, %d failed\n", run - failed, failed);
  return failed > 0 || run == 0;
}
