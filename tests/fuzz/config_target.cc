// The configuration file.
#include "core/base/check.h"
#include "daemon/config/config_loader.h"
#include "tests/fuzz/fuzz_target.h"

REMAPD_FUZZ_TARGET(config) {
  using namespace remapd;
  const auto config = config::parse_config(as_text(input), "fuzz.toml");
  if (config) return;
  REMAPD_CHECK(!config.error().empty(), "a refused configuration has a reason");
}
