#include "iscsid/disk/fence_file.hpp"

#include "iscsid/disk/kernel/errors.hpp"
#include "iscsid/os/descriptor.hpp"
#include "iscsid/os/entries.hpp"
#include "iscsid/os/system_fault.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>

namespace iscsid::disk {

namespace {

constexpr mode_t folder_mode = 0700;
constexpr mode_t file_mode = 0600;
constexpr int base = 16;
constexpr std::uint32_t raised_flag = 1;
constexpr std::size_t length = fence_file::most_sessions * sizeof(std::uint32_t);

std::string fences_folder_in(const std::string& runtime_folder) {
    return runtime_folder + "/fences";
}

std::string path_of(const std::string& runtime_folder, std::uint64_t nonce) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), nonce, base).ptr;
    return fences_folder_in(runtime_folder) + '/' + std::string(digits.data(), end);
}

std::optional<std::uint64_t> nonce_of(std::string_view name) {
    std::uint64_t nonce = 0;
    const auto* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data(), end, nonce, base);
    return read.ec == std::errc() && read.ptr == end ? std::optional(nonce) : std::nullopt;
}

iscsi::fault fault_of(const std::string& path, int error = errno) {
    return os::system_fault(disk_errc::attach_failed, path, "a note of lost writes", error);
}

bool has_length(const os::descriptor& file) {
    struct stat seen {};

    return ::fstat(file.number(), &seen) == 0 && std::cmp_equal(seen.st_size, length);
}

os::descriptor open_file(const std::string& path, int more_flags) {
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | more_flags;
    return os::descriptor(::open(path.c_str(), flags, file_mode));
}

// Its memory is there from the beginning: a file system that is full must not end the daemon when
// the first byte is written.
int fill(const os::descriptor& file) {
    constexpr std::array<char, length> nothing_raised{};
    const auto written = ::pwrite(file.number(), nothing_raised.data(), length, 0);
    if (written < 0)
        return errno;
    return std::cmp_equal(written, length) ? 0 : ENOSPC;
}

// One of another length may be somebody's memory: it is left to him, under no name.
iscsi::result<os::descriptor> open_or_make(const std::string& path) {
    auto file = open_file(path, 0);
    if (file && has_length(file))
        return file;
    if (!file && errno != ENOENT)
        return fault_of(path);
    ::unlink(path.c_str());
    file = open_file(path, O_CREAT | O_EXCL);
    if (!file)
        return fault_of(path);
    if (const int error = fill(file); error != 0) {
        ::unlink(path.c_str());
        return fault_of(path, error);
    }
    return file;
}

// Ends with this process.
class unkept_fence final : public lane::fence_memory {
  public:
    explicit unkept_fence(std::size_t sessions) : all_(sessions, 1) {}

    void keep(std::size_t session, bool is_raised) override {
        std::atomic_ref(all_.at(session)).store(is_raised ? 1 : 0);
    }

    bool is_raised(std::size_t session) const override {
        return std::atomic_ref(all_.at(session)).load() != 0;
    }

    unsigned raised() const override {
        unsigned sum = 0;
        for (std::size_t session = 0; session < all_.size(); ++session)
            sum += is_raised(session) ? 1U : 0U;
        return sum;
    }

  private:
    mutable std::vector<int> all_;
};

} // namespace

iscsi::result<std::unique_ptr<fence_file>>
fence_file::open(const std::string& runtime_folder, std::uint64_t nonce) {
    const auto folder = fences_folder_in(runtime_folder);
    if (::mkdir(folder.c_str(), folder_mode) != 0 && errno != EEXIST)
        return fault_of(folder);
    const auto path = path_of(runtime_folder, nonce);
    const auto file = open_or_make(path);
    if (!file)
        return file.error();
    void* const memory = ::mmap(
        nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file->number(), 0
    );
    if (memory == MAP_FAILED)
        return fault_of(path);
    static_cast<void>(::mlock(memory, length)); // else a lane may wait for the swap
    return std::unique_ptr<fence_file>(
        new fence_file({static_cast<std::uint32_t*>(memory), most_sessions})
    );
}

fence_file::~fence_file() {
    ::munmap(memory_.data(), memory_.size_bytes());
}

// Each with one store: a file with a session, but not what it has raised, would be believed.
void fence_file::note_sessions(const std::vector<lane::session_key>& all, bool have_raised) {
    for (std::size_t n = 0; n < std::min(all.size(), memory_.size()); ++n)
        std::atomic_ref(memory_[n]).store(all[n] * 2 + (have_raised ? raised_flag : 0));
}

bool fence_file::knows(std::size_t queues) const {
    return queues <= memory_.size() &&
           std::ranges::all_of(memory_.first(queues), [](auto each) { return each / 2 != 0; });
}

bool fence_file::has_sessions(const std::vector<lane::session_key>& all) const {
    for (std::size_t n = 0; n < std::min(all.size(), memory_.size()); ++n)
        if (const auto noted = memory_[n] / 2; noted != 0 && noted != all[n])
            return false;
    return true;
}

void fence_file::keep(std::size_t session, bool is_raised) {
    if (session >= memory_.size())
        return;
    const std::atomic_ref noted(memory_[session]);
    if (is_raised)
        noted.fetch_or(raised_flag);
    else
        noted.fetch_and(~raised_flag);
}

bool fence_file::is_raised(std::size_t session) const {
    return session < memory_.size() &&
           (std::atomic_ref(memory_[session]).load() & raised_flag) != 0;
}

unsigned fence_file::raised() const {
    unsigned sum = 0;
    for (std::size_t session = 0; session < memory_.size(); ++session)
        sum += is_raised(session) ? 1U : 0U;
    return sum;
}

// What could not be opened must not be believed later either, when something was raised meanwhile.
left_fence open_left_fence(
    const std::string& runtime_folder,
    std::uint64_t nonce,
    const std::vector<lane::session_key>& sessions
) {
    const bool was_there = has_fence(runtime_folder, nonce);
    auto noted = fence_file::open(runtime_folder, nonce);
    if (!noted) {
        forget_fence(runtime_folder, nonce);
        return {std::make_unique<unkept_fence>(sessions.size()), false, noted.error().text()};
    }
    left_fence left;
    left.is_of_others = !(*noted)->has_sessions(sessions);
    if (!left.is_of_others && !(*noted)->knows(sessions.size())) {
        (*noted)->note_sessions(sessions, true);
        left.trouble = path_of(runtime_folder, nonce) + (was_there ? ": damaged" : ": missing");
    }
    for (auto n = sessions.size(); n < fence_file::most_sessions; ++n) // nobody would lower these
        (*noted)->keep(n, false);
    left.memory = *std::move(noted);
    return left;
}

bool has_fence(const std::string& runtime_folder, std::uint64_t nonce) {
    return ::access(path_of(runtime_folder, nonce).c_str(), F_OK) == 0;
}

void forget_fence(const std::string& runtime_folder, std::uint64_t nonce) {
    ::unlink(path_of(runtime_folder, nonce).c_str());
}

void forget_other_fences(
    const std::string& runtime_folder, const std::function<bool(std::uint64_t nonce)>& is_known
) {
    for (const auto& each : os::entries_of(fences_folder_in(runtime_folder))) {
        const auto nonce = nonce_of(each.filename().native());
        if (!nonce || !is_known(*nonce))
            ::unlink(each.c_str());
    }
}

} // namespace iscsid::disk
