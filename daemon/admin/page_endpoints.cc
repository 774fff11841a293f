#include "daemon/admin/page_endpoints.h"

#include <memory>
#include <string>

#include "core/base/hash.h"
#include "daemon/admin/version_endpoints.h"
#include "daemon/web/assets.h"

namespace remapd::admin {
namespace {

// No content of other origins, nothing inline, no framing.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

Endpoint serve(const web::Asset& asset) {
  const ByteView content = as_bytes(asset.content);
  const mapping::BlobPtr blob =
      std::make_shared<mapping::OwnedBlob>(Bytes(content.begin(), content.end()));
  return [blob, hash = checksum(content), type = asset.content_type](const Request& request,
                                                                     const Respond& respond) {
    Response response = conditional_response(request, type, blob, hash, false);
    response.headers.emplace_back("Content-Security-Policy", kPolicy);
    respond(std::move(response));
  };
}

}  // namespace

void add_page_endpoints(Router& router) {
  for (const web::Asset& asset : web::assets()) {
    const bool page = asset.name == "index.html";
    router.add(Method::kGet, page ? "/" : "/assets/" + std::string(asset.name), serve(asset));
  }
}

}  // namespace remapd::admin
