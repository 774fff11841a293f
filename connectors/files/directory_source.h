// DirectoryMappingSource: the mapping versions of one table from a directory that a
// DirectoryMappingSink writes (layout: mapping_directory.h).
//
// A source that has polled before the first version reports all of them. New versions are found by
// listing the table's directory every 200 ms: that needs no kernel support, works on network file
// systems, and costs microseconds. A version whose manifest is damaged is passed over for good, one
// whose manifest could not be read for another reason is tried again; neither is an error of
// poll(): last_problem() tells. What a manifest names is checked when it is fetched, so that of a
// version with a damaged snapshot the delta and the plan can still be used. Only to begin with,
// blobs are checked too: the version it begins at has a good snapshot.
//
// Not thread safe: one caller at a time. The first poll() costs O(bytes) of the versions it looks
// at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
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

  bool caught_up() const override { return caught_up_; }

  // Of a version passed over, or of the directory: it is not there, or holds other tables only.
  std::string_view last_problem() const override { return last_problem_; }

 private:
  DirectoryMappingSource(std::filesystem::path table_directory, std::string table)
      : table_directory_(std::move(table_directory)), table_(std::move(table)) {}
  Result<mapping::Manifest> examine(Version version) const;
  std::string stale(const mapping::Manifest& manifest, Epoch in_force) const;
  std::vector<mapping::Manifest> first_scan(const std::vector<Version>& versions);
  std::vector<mapping::Manifest> scan();
  void look_for_the_table();

  std::filesystem::path table_directory_;
  std::string table_;
  Version seen_ = kNoVersion;    // all up to it are reported or passed over
  bool from_the_first_ = false;  // there was no version yet when it looked first
  bool caught_up_ = false;       // what was there when it looked first is reported or passed over
  Epoch epoch_;                  // the highest reported
  std::set<Version> unusable_;   // before the first report: examined and not worth it again
  std::string last_problem_;
};

}  // namespace remapd::files
