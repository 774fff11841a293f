// gzip bytes for tests.
#pragma once

#include <string>
#include <string_view>

#include <zlib.h>

#include "core/base/check.h"

namespace remapd::test_support {

inline std::string gzip(std::string_view content) {
  z_stream stream{};
  REMAPD_CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK,
               "zlib works");
  std::string out(deflateBound(&stream, content.size()) + 64, '\0');
  std::string input(content);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REMAPD_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END, "the bound is a bound");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace remapd::test_support
