#pragma once

#include "iscsid/session/login_plan.hpp"

#include "libiscsi/names/portal.hpp"
#include "libiscsi/net/connector.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace iscsid::session {

enum class reach_errc { no_such_device = 1 };

const char* category_name(reach_errc);
std::string_view message_of(reach_errc);

// The name of the network device with that hardware address ("52:54:00:12:34:56", any case).
iscsi::result<std::string> device_of_hardware_address(const std::string& address);

// How the connection of a plan is made. Faults: reach_errc::no_such_device.
iscsi::result<iscsi::net::connect_options> options_of(const login_plan& plan);
iscsi::result<iscsi::net::connect_options> options_of(const discovery_plan& plan);

// Resolves a portal (on `resolvers`) and connects to it, within the timeout of the options.
// Faults: net::resolve_errc, or those of net::connect.
boost::asio::awaitable<iscsi::result<iscsi::net::connected>> reach(
    iscsi::portal to, iscsi::net::connect_options options, boost::asio::any_io_executor resolvers
);

// "10.0.0.5:3260", "[fe80::1]:3260", for people.
std::string to_text(const iscsi::portal& where);

// The portal where a session starts: that of its record.
iscsi::portal portal_of(const iscsi::admin::node_id& node);

} // namespace iscsid::session
