#pragma once

#include "iscsid/ipc/peer.hpp"
#include "iscsid/ipc/reply_sink.hpp"
#include "iscsid/session/login_keeper.hpp"
#include "iscsid/session/manager.hpp"

#include "libiscsi/admin/messages.hpp"
#include "libiscsi/admin/varlink.hpp"

#include <cstdint>
#include <functional>

namespace iscsid::ipc {

// The methods that iscsid has: those of the interface org.iscsi-userland.iscsid and of Varlink
// itself. Lives on the control thread.
class verbs {
  public:
    struct hooks {
        std::function<iscsi::admin::daemon_status()> status;
        std::function<void()> stop;
    };

    verbs(
        session::manager& sessions,
        session::login_keeper& keeper,
        boost::asio::any_io_executor control,
        hooks calls
    );

    // Does what the call asks and sends its replies. May be cancelled: that ends a Discover, and
    // the logins that nobody else waits for; logouts and rescans go on.
    boost::asio::awaitable<void> serve(iscsi::admin::varlink_call call, peer who, reply_sink& to);

  private:
    using call_type = iscsi::admin::varlink_call;
    using nothing = boost::asio::awaitable<void>;

    nothing get_info(const call_type& call, reply_sink& to);
    nothing get_interface_description(const call_type& call, reply_sink& to);
    nothing login(const call_type& call, reply_sink& to);
    nothing keep_logins(
        const iscsi::admin::login_request_message& request, const call_type& call, reply_sink& to
    );
    nothing list_kept_logins(const call_type& call, reply_sink& to);
    nothing end_kept_logins(const call_type& call, reply_sink& to);
    nothing logout(const call_type& call, reply_sink& to);
    nothing rescan(const call_type& call, reply_sink& to);
    nothing fail_io(const call_type& call, reply_sink& to);
    nothing change_session(const call_type& call, reply_sink& to);
    nothing attach_lun(const call_type& call, reply_sink& to);
    nothing detach_lun(const call_type& call, reply_sink& to);
    nothing persistent_reserve(const call_type& call, reply_sink& to);
    nothing describe_luns(const call_type& call, reply_sink& to);
    nothing list_sessions(const call_type& call, reply_sink& to);
    nothing discover(const call_type& call, reply_sink& to);
    nothing status(const call_type& call, reply_sink& to);
    nothing stop(const call_type& call, reply_sink& to);

    struct method {
        std::string_view name;
        bool changes;
        nothing (verbs::*run)(const call_type&, reply_sink&);
    };

    // Runs `job` on each session that a Request names. It gives an awaitable of a progress message,
    // which outlives the request.
    template <class Request, class Job>
    nothing on_each_session(const call_type& call, Job job, reply_sink& to);

    static const method* find(std::string_view name);

    session::manager& sessions_;
    session::login_keeper& keeper_;
    boost::asio::any_io_executor control_;
    hooks hooks_;
    std::uint64_t refusals_ = 0; // so far, of all clients
};

} // namespace iscsid::ipc
