#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace iscsid::session {

// Gives memory back to the kernel when sessions have ended, each of which has had hundreds of KiB:
// once for all that end together. Lives on the control thread.
class memory_return {
  public:
    explicit memory_return(const boost::asio::any_io_executor& control) : timer_(control) {}

    // Some time after the last of these calls it is done.
    void session_ended();

  private:
    boost::asio::steady_timer timer_;
};

} // namespace iscsid::session
