#pragma once

#include "libiscsi/admin/message_errc.hpp"
#include "libiscsi/base/result.hpp"

#include <boost/json/object.hpp>

#include <deque>
#include <optional>
#include <string>
#include <string_view>

// Varlink messages (https://varlink.org): JSON objects, each ended by a NUL byte. Pure: bytes in,
// messages out; the sockets are the daemon's and iscsiadm's.
namespace iscsi::admin {

// A request. `more`: the caller takes several replies; `oneway`: it wants none, and closes no
// matter what comes of it.
struct varlink_call {
    std::string method; // "org.iscsi-userland.iscsid.Login"
    boost::json::object parameters;
    bool more = false;
    bool oneway = false;
};

// The last reply of a call has `continues` false.
struct varlink_reply {
    boost::json::object parameters;
    bool continues = false;
    std::string error; // "org.varlink.service.InvalidParameter", empty when there is none
};

// Neither can fail: what goes out was made by us.
std::string format(const varlink_call& call); // with its NUL
std::string format(const varlink_reply& reply);

// Faults: message_errc::malformed, ::wrong_type, ::too_deep …, with what and where.
// `text` is one message without its NUL. Unknown members are refused, as in messages.
result<varlink_call> parse_call(std::string_view text);
result<varlink_reply> parse_reply(std::string_view text);

// Cuts a stream into messages. feed() faults when a message grows beyond longest_message.
// feed() with what the socket gave, then next() until it has nothing. Only the part that is not
// ended counts towards the limit.
class varlink_splitter {
  public:
    result<void> feed(std::string_view bytes);
    std::optional<std::string> next(); // without its NUL

    bool holds_part() const { return !part_.empty(); }

  private:
    std::string part_;
    std::deque<std::string> whole_;
};

} // namespace iscsi::admin
