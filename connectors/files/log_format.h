// The formats of recorded event logs, and how one is recognised: by the file's name, else by its
// first bytes. Any of them may be gzip or
// zstd.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/base/result.h"

namespace remapd::files {

enum class LogFormat : std::uint8_t {
  kTsv,     // .tsv .tab .txt: tab-separated values under a header line (tsv_decoder.h)
  kCsv,     // .csv: the same with commas
  kNdjson,  // .ndjson .jsonl .json: one JSON object a line (connectors/proto/access_batch_codec.h)
  kProtobuf,  // .binpb .pb: AccessBatch messages, each after its length as a varint
};

// Whether it is read by its columns.
constexpr bool has_columns(LogFormat format) {
  return format == LogFormat::kTsv || format == LogFormat::kCsv;
}

std::string_view to_string(LogFormat format);  // "tsv", "csv", "ndjson", "protobuf"
std::optional<LogFormat> parse_log_format(std::string_view name);  // of those four

// By the extension, after dropping ".gz" or ".zst"; none if it says nothing.
std::optional<LogFormat> format_of_name(const std::filesystem::path& path);

// By the name, else by the content. kConfig when neither tells; the errors of opening the file.
Result<LogFormat> detect_format(const std::filesystem::path& path);

}  // namespace remapd::files
