// From a request as Beast parses it to one as the endpoints see it. Pure; takes any bytes a parser
// let through.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "core/base/result.h"
#include "daemon/admin/http.h"

namespace remapd::admin {

// kInvalidArgument: the target is no path (parse_target()).
Result<Request> to_request(boost::beast::http::request<boost::beast::http::string_body>&& message);

}  // namespace remapd::admin
