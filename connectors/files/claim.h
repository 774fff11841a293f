// The claim of the instance that may publish a table: TABLE/epoch.json (docs/formats.md). Whoever
// takes the table over replaces it.
#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.h"
#include "core/base/types.h"

namespace remapd::files {

struct Claim {
  Epoch epoch;
  std::string instance;
  std::string token;  // random: tells two claims of the same epoch and instance name apart
};

// 16 hexadecimal digits, from the system's entropy.
std::string random_token();

// kNotFound, kIo, kCorrupt (not of this form, or its checksum does not hold; a claim without a
// checksum is accepted).
Result<Claim> read_claim(const std::filesystem::path& table_directory);
// Durably, whole or not at all. kIo, kResource.
Result<void> write_claim(const std::filesystem::path& table_directory, const Claim& claim);

}  // namespace remapd::files
