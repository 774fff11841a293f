// TsvDecoder: rows of values between tabs, commas or another character, one sample each, under a
// header line that names them.
//
//   timestamp<TAB>label<TAB>user_id<TAB>item_id ...
//
// A feature of the schema is read from the column of its name, or the one that the options name;
// other columns are ignored. Fields are cells (core/fields/cell.h): ids, labels and times follow
// the rules of core/fields. In a field in quotes the delimiter and line ends are text.
//
// Not thread safe. O(bytes of the row).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::files {

enum class LabelUse : std::uint8_t {
  kIfPresent,  // labelled if the log has the label column (or member)
  kRequired,   // a log without it is an error
  kIgnore,     // all samples are unlabelled
};

struct TsvOptions {
  std::string label_column = "label";
  LabelUse labels = LabelUse::kIfPresent;
  std::string timestamp_column = "timestamp";   // used if present
  std::string weight_column{};                  // empty: every weight is 1
  std::optional<char> multi_value_separator{};  // splits a field into several ids; none: one id
  // Between fields; none: a tab. Inside of quotes it is text.
  std::optional<char> delimiter{};
  std::vector<std::string> columns{};  // of each feature of the schema; empty: that of its name
  // Values of the label that are 1, all others being 0; none: the value itself is the label.
  std::vector<std::string> label_true{};
};

// The cells of a row, without the quotes around them.
std::vector<std::string> split_row(std::string_view row, char delimiter);
// Whether the row's last field begins with a quote that nothing closes.
bool ends_in_quotes(std::string_view row, char delimiter);

class TsvDecoder {
 public:
  // kConfig naming the missing column and listing those the header has; kCorrupt when the header is
  // empty or names a used column twice.
  static Result<TsvDecoder> create(std::string_view header, const pipeline::FeatureSchema& schema,
                                   const TsvOptions& options);

  // Empties `into` for this decoder's schema; call it before the first append().
  void begin(pipeline::EventBatch& into) const { into.reset(features_); }

  // Appends one row to a batch under construction. On false the batch is as before and reason()
  // says why the row was refused. The caller seals the batch.
  bool append(std::string_view row, pipeline::EventBatch& into);
  const std::string& reason() const { return reason_; }

  bool labelled() const { return label_column_.has_value(); }
  // Columns that are neither feature, label, timestamp nor weight.
  std::size_t ignored_columns() const { return ignored_columns_; }

 private:
  struct FeatureColumn {
    std::size_t column;
    FeatureIndex feature;
  };

  std::optional<std::size_t> append_ids(pipeline::EventBatch& into);
  std::optional<float> label_of(std::string_view cell) const;

  std::size_t features_ = 0;
  std::size_t ignored_columns_ = 0;
  std::vector<FeatureColumn> feature_columns_;
  std::optional<std::size_t> label_column_;
  std::optional<std::size_t> timestamp_column_;
  std::optional<std::size_t> weight_column_;
  std::optional<char> separator_;
  char delimiter_ = '\t';
  std::vector<std::string> label_true_;
  std::vector<std::string> names_;
  std::vector<std::string_view> fields_;
  std::vector<std::size_t> ids_before_;  // the row at hand, by feature column
  std::string room_;
  std::string reason_;
};

}  // namespace remapd::files
