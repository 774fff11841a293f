// MappedBlob: a file's bytes, mapped read-only.
//
// Pages are read when touched and shared between processes. The file may be unlinked or renamed
// while mapped. It must not be truncated or written: publishers never change a file once it has its
// name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "core/base/result.h"
#include "core/mapping/manifest.h"

namespace remapd::files {

class MappedBlob final : public mapping::Blob {
 public:
  // kNotFound, kIo, kResource (no address space).
  static Result<std::shared_ptr<const MappedBlob>> open(const std::filesystem::path& path);
  ~MappedBlob() override;
  MappedBlob(const MappedBlob&) = delete;
  MappedBlob& operator=(const MappedBlob&) = delete;

  ByteView view() const override { return {static_cast<const std::byte*>(address_), size_}; }
  bool is_mapped_file() const override { return true; }

 private:
  MappedBlob(void* address, std::size_t size) : address_(address), size_(size) {}

  void* address_;
  std::size_t size_;
};

}  // namespace remapd::files
