// Migration plans, applied to a matrix where one of bearable size fits them.
#include "core/base/check.h"
#include "core/mapping/migration_plan.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/reseal.h"

REMAPD_FUZZ_TARGET(migration_plan) {
  using namespace remapd;
  (void)mapping::decode_plan(input);
  const auto plan = mapping::decode_plan(fuzz::resealed_frame(input));
  if (!plan) return;
  REMAPD_CHECK(mapping::decode_plan(mapping::encode_plan(*plan)), "a plan survives encoding");
  constexpr std::size_t kColumns = 2;
  const std::size_t rows = std::max(plan->from_rows, plan->to_rows);
  if (rows > 1 << 16) return;
  std::vector<float> matrix(rows * kColumns, 1.0F);
  REMAPD_CHECK(mapping::apply(*plan, matrix, kColumns), "a sound plan can be applied");
  REMAPD_CHECK(mapping::apply_to_state(*plan, matrix, kColumns, 0.1F), "to state, too");
}
