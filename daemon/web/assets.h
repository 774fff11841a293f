// The page that people look at, as files built into the binary: index.html and what it asks for.
#pragma once

#include <span>
#include <string_view>

namespace remapd::web {

struct Asset {
  std::string_view name;          // "main.js"
  std::string_view content_type;  // "text/javascript; charset=utf-8"
  std::string_view content;
};

// Ascending by name; one is index.html.
std::span<const Asset> assets();

}  // namespace remapd::web
