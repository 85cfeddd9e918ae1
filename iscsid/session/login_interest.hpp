#pragma once

#include "iscsid/session/live_session.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>

namespace iscsid::session {

// Whoever holds it wants the login that it was given for. All of one login are copies.
using login_claim = std::shared_ptr<void>;

// Who wants the first login of a session: as long as somebody does it goes on, then it is
// cancelled. Lives on the control thread, and so do all claims.
class login_interest {
  public:
    login_interest(std::weak_ptr<live_session> session, boost::asio::any_io_executor control)
        : session_(std::move(session)), control_(std::move(control)) {}

    login_claim claim();

    // The login goes on without any claim.
    void keep() { state_->is_kept = true; }

  private:
    // What the end of the last claim may find, even when this object is gone.
    struct state {
        std::weak_ptr<void> claims;
        bool is_kept = false;
    };

    static boost::asio::awaitable<void>
    end_unwanted(std::shared_ptr<live_session> session, std::shared_ptr<const state> wishes);

    std::weak_ptr<live_session> session_;
    boost::asio::any_io_executor control_;
    std::shared_ptr<state> state_ = std::make_shared<state>();
};

} // namespace iscsid::session
