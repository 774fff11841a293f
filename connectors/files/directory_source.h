// DirectoryMappingSource: the mapping versions of one table from a directory that a
// DirectoryMappingSink writes (layout: mapping_directory.h).
//
// A source that has polled before the first version reports all of them. New versions are found by
// listing the table's directory every 200 ms: that needs no kernel support, works on network file
// systems, and costs microseconds. A version is reported only when its manifest can be read and
// every blob it names matches size and checksum; one that is damaged is passed over for good, one
// that could not be read for another reason is tried again. Neither is an error of poll():
// last_problem() tells.
//
// Not thread safe: one caller at a time. poll() costs O(bytes) once per version.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/mapping/mapping_source.h"

namespace remapd::files {

class DirectoryMappingSource final : public mapping::MappingSource {
 public:
  // The directory need not exist yet. kInvalidArgument for a name no table can have.
  static Result<std::unique_ptr<DirectoryMappingSource>> create(
      const std::filesystem::path& directory, std::string table);

  Result<std::vector<mapping::Manifest>> poll(std::chrono::milliseconds timeout) override;

  // The blob stays readable after the publisher has removed its version.
  Result<mapping::BlobPtr> fetch(const mapping::Manifest& manifest,
                                 mapping::BlobKind kind) override;

  // What was wrong with the version last passed over, or with the directory; empty: nothing yet.
  const std::string& last_problem() const { return last_problem_; }

 private:
  DirectoryMappingSource(std::filesystem::path table_directory, std::string table)
      : table_directory_(std::move(table_directory)), table_(std::move(table)) {}
  Result<mapping::Manifest> examine(Version version) const;
  std::string stale(const mapping::Manifest& manifest, Epoch in_force) const;
  std::vector<mapping::Manifest> first_scan(const std::vector<Version>& versions);
  std::vector<mapping::Manifest> scan();

  std::filesystem::path table_directory_;
  std::string table_;
  Version seen_ = kNoVersion;    // all up to it are reported or passed over
  bool from_the_first_ = false;  // there was no version yet when it looked first
  Epoch epoch_;                  // the highest reported
  std::set<Version> unusable_;   // before the first report: examined and not worth it again
  std::string last_problem_;
};

}  // namespace remapd::files
