#pragma once

#include "iscsid/os/descriptor_store.hpp"

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace iscsid::sys {

// systemd's store of file descriptors (FileDescriptorStoreMax= of the unit). systemd never says
// whether it has taken one, only how many there may be: so they are counted.
class kept_descriptors final : public os::descriptor_store {
  public:
    // Takes what was passed of the store, and out of LISTEN_FDS, which then counts the sockets
    // only; to be called before anything else looks there, by the only thread. nullptr: there is no
    // store.
    static std::unique_ptr<kept_descriptors> open();

    bool is_kept() const override { return is_kept_; }

    bool keep(const std::string& name, const os::descriptor& file) override;
    bool has(const std::string& name) const override;
    os::descriptor take(const std::string& name) override;
    void drop(const std::string& name) override;

    std::vector<std::string> names() const;

    // The daemon ends, and no other follows: everything goes, and nothing is taken any more.
    void end();

  private:
    explicit kept_descriptors(std::size_t most) : most_(most) {}

    static void tell_drop(const std::string& name);

    const std::size_t most_;
    std::atomic<bool> is_kept_{true};
    mutable std::mutex guard_;                   // of what follows
    std::map<std::string, os::descriptor> held_; // with what nobody has taken yet
};

} // namespace iscsid::sys
