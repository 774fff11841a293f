// Recorded logs of values between commas: quotes, rows of several lines, weights, labels by rule.
#include <algorithm>

#include "connectors/files/tsv_decoder.h"
#include "core/base/check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/three_features.h"

REMAPD_FUZZ_TARGET(csv) {
  using namespace remapd;
  std::string_view text = as_text(input);
  // As RowReader, without its bounds: a row goes on where a line ends inside of quotes.
  const auto row = [&text] {
    std::size_t end = std::min(text.find('\n'), text.size());
    while (end < text.size() && files::ends_in_quotes(text.substr(0, end), ',')) {
      end = std::min(text.find('\n', end + 1), text.size());
    }
    const std::string_view out = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    return out;
  };
  files::TsvOptions options;
  options.delimiter = ',';
  options.label_true = {"click", "4"};
  if (input.size() % 2 == 1) options.multi_value_separator = '|';
  if (input.size() % 3 == 0) options.weight_column = "w";
  auto decoder = files::TsvDecoder::create(row(), fuzz::three_features(), options);
  if (!decoder) {
    REMAPD_CHECK(!decoder.error().message.empty(), "what is refused is told");
    return;
  }
  pipeline::EventBatch batch;
  decoder->begin(batch);
  std::size_t samples = 0;
  while (!text.empty()) {
    const std::string_view at = row();
    REMAPD_CHECK(!files::split_row(at, ',').empty(), "a row has a cell");
    if (decoder->append(at, batch)) {
      ++samples;
    } else {
      REMAPD_CHECK(!decoder->reason().empty(), "what is refused is told");
    }
  }
  batch.seal(samples);
  fuzz::check_shape(batch, true, input.size());
}
