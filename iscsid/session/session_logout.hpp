#pragma once

#include "iscsid/session/live_session.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace iscsid::session {

// Who logs out of a session, or waits for a logout of others: one logout at a time, which all of
// them join. Its steps are the session's own. Lives on the control thread.
class session_logout {
  public:
    explicit session_logout(std::shared_ptr<live_session> of) : session_(std::move(of)) {}

    // See live_session::log_out().
    boost::asio::awaitable<outcome<logout_result>> run(live_session::heeds whom);

    // Returns when the session has ended, or stays, or at that time.
    boost::asio::awaitable<void> wait_while_under_way(iscsi::instant limit);

  private:
    boost::asio::awaitable<void> cancel_login();
    boost::asio::awaitable<void> wait_until_it_can_begin();
    boost::asio::awaitable<void> wait_for_scan();
    boost::asio::awaitable<outcome<logout_result>> end();

    std::shared_ptr<live_session> session_;
};

} // namespace iscsid::session
