// Recorded logs of tab-separated values: a header line, then rows.
#include "connectors/files/tsv_decoder.h"
#include "core/base/check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/three_features.h"

REMAPD_FUZZ_TARGET(tsv) {
  using namespace remapd;
  std::string_view text = as_text(input);
  const auto line = [&text] {
    const std::string_view out = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), out.size() + 1));
    return out;
  };
  files::TsvOptions options;
  if (input.size() % 2 == 1) options.multi_value_separator = ',';
  auto decoder = files::TsvDecoder::create(line(), fuzz::three_features(), options);
  if (!decoder) return;
  pipeline::EventBatch batch;
  decoder->begin(batch);
  std::size_t samples = 0;
  while (!text.empty()) samples += decoder->append(line(), batch) ? 1 : 0;
  batch.seal(samples);
  fuzz::check_shape(batch, true, input.size());
}
