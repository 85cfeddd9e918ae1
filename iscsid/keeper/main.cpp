// iscsid-boot-keeper: holds in memory what the service manager runs on, for a system whose root
// filesystem is on a disk of iscsid. The manager is what starts a daemon again that was killed, and
// nobody answers that disk meanwhile: a page of its code that had to be read then would never come.
// Locked pages stay until the process ends. What the manager has mapped is looked at again and
// again, for it may be upgraded.

#include "iscsid/os/descriptor.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace {

constexpr std::chrono::seconds between_looks(30);

// A file that is mapped whole and locked.
class kept_file {
  public:
    // Nothing of it is kept when it cannot be: it is no reason to end.
    explicit kept_file(const std::string& path) {
        const iscsid::os::descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));

        struct stat seen {};

        if (!file || ::fstat(file.number(), &seen) != 0 || seen.st_size == 0)
            return;
        size_ = static_cast<std::size_t>(seen.st_size);
        begin_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.number(), 0);
        if (begin_ != MAP_FAILED)
            ::mlock(begin_, size_);
    }

    ~kept_file() {
        if (begin_ != MAP_FAILED)
            ::munmap(begin_, size_);
    }

    kept_file(const kept_file&) = delete;
    kept_file& operator=(const kept_file&) = delete;
    kept_file(kept_file&&) = delete;
    kept_file& operator=(kept_file&&) = delete;

  private:
    void* begin_ = MAP_FAILED;
    std::size_t size_ = 0;
};

// A file by its number and its name: an upgrade gives another number to the name.
using identity = std::pair<std::string, std::string>;

// What the first process has mapped: "ADDRESSES r-xp OFFSET DEVICE INODE PATH" (proc_pid_maps(5)).
std::set<identity> files_of_manager() {
    std::set<identity> found;
    std::ifstream maps("/proc/1/maps");
    for (std::string addresses, rights, offset, device, inode, rest;
         maps >> addresses >> rights >> offset >> device >> inode && std::getline(maps, rest);)
        if (const auto path = rest.find('/'); path != std::string::npos)
            found.insert({inode, rest.substr(path)});
    return found;
}

} // namespace

int main() {
    std::map<identity, kept_file> kept;
    for (;;) {
        const auto wanted = files_of_manager();
        for (const auto& each : wanted)
            kept.try_emplace(each, each.second);
        std::erase_if(kept, [&wanted](const auto& each) { return !wanted.contains(each.first); });
        std::this_thread::sleep_for(between_looks);
    }
}
