// What the C interface takes for a batch of 4,096 ids, for scripts/bench-python: nanoseconds a
// batch, the best of five rounds.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "client/c/remap.h"

int main(int argc, char** argv) {
  constexpr std::size_t kBatch = 4'096;
  constexpr int kCalls = 2'000;
  remap_mapping* mapping = nullptr;
  if (argc != 2 || remap_mapping_open(argv[1], &mapping) != REMAP_OK) {
    std::fprintf(stderr, "usage: call_overhead ARTIFACT; %s\n", remap_last_error());
    return 1;
  }
  std::vector<std::uint64_t> ids(kBatch);
  for (std::size_t i = 0; i < kBatch; ++i) ids[i] = i * 0x9e3779b97f4a7c15ULL;
  std::vector<std::int64_t> rows(kBatch);
  double best = 1e18;
  for (int round = 0; round < 5; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kCalls; ++i) {
      if (remap_mapping_lookup_i64(mapping, ids.data(), kBatch, rows.data()) != REMAP_OK) return 1;
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count() / kCalls);
  }
  std::printf("%.0f\n", best);
  remap_mapping_close(mapping);
  return 0;
}
