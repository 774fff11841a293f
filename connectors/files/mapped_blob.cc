#include "connectors/files/mapped_blob.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "connectors/files/durable_file.h"

namespace remapd::files {

Result<std::shared_ptr<const MappedBlob>> MappedBlob::open(const std::filesystem::path& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(system_error(path, "open", errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(system_error(path, "examine", errno));
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kIo, fmt::format("{}: it is not a regular file", path.string()));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = nullptr;
  if (size > 0) {  // an empty range cannot be mapped
    address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (address == MAP_FAILED) {
      if (errno == ENOMEM) {
        return fail(ErrorCode::kResource,
                    fmt::format("{}: no address space to map its {} bytes", path.string(), size),
                    true);
      }
      return fail(system_error(path, "map", errno));
    }
  }
  return std::shared_ptr<const MappedBlob>(new MappedBlob(address, size));
}

MappedBlob::~MappedBlob() {
  if (address_ != nullptr) ::munmap(address_, size_);
}

}  // namespace remapd::files
