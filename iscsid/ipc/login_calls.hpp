#pragma once

#include "iscsid/ipc/gathering.hpp"
#include "iscsid/session/clock.hpp"
#include "iscsid/session/manager.hpp"

#include "libiscsi/admin/messages.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <set>
#include <vector>

namespace iscsid::ipc {

// The logins of one call: begun or joined, and wanted as long as this lives.
class login_calls {
  public:
    using waiting = session::manager::waiting;

    login_calls(session::manager& sessions, boost::asio::any_io_executor where, std::size_t nodes);

    // Every session of the node that is missing; after the logouts that are under way, if any.
    void start(const session::record_read& node, std::uint32_t index, waiting caller);

    void start_additional(const session::record_read& node, std::uint32_t index, waiting caller);

    gathering<iscsi::admin::login_progress>& ends() { return ends_; }

  private:
    using claims = std::vector<session::login_claim>;

    struct wanted {
        iscsi::admin::record node;
        std::uint32_t index = 0;
        waiting caller = waiting::yes;
        iscsi::instant asked = session::now();
        std::shared_ptr<std::set<lane::session_key>> joined =
            std::make_shared<std::set<lane::session_key>>();
    };

    static boost::asio::awaitable<iscsi::admin::login_progress>
    login_after_logouts(session::manager& sessions, wanted what, std::weak_ptr<claims> of_caller);
    void start_later(const wanted& what, std::size_t count);
    void add(session::login_under_way begun, std::uint32_t index);
    void add_failure(std::uint32_t index, const session::failure& why);

    session::manager& sessions_;
    gathering<iscsi::admin::login_progress> ends_;
    std::shared_ptr<claims> claims_ = std::make_shared<claims>();
};

} // namespace iscsid::ipc
