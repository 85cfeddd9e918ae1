#include "iscsid/os/files.hpp"

#include "iscsid/os/descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace iscsid::os {

namespace {

bool write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(file, text.data(), text.size());
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0)
            text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

int sync_folder(const std::filesystem::path& path) {
    const descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return folder && ::fsync(folder.number()) == 0 ? 0 : errno;
}

int read_all(int file, std::size_t longest, std::string& to) {
    std::array<char, 4096> piece{};
    while (to.size() <= longest) {
        const auto got = ::read(file, piece.data(), piece.size());
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return errno;
        if (got > 0)
            to.append(piece.data(), static_cast<std::size_t>(got));
    }
    to.resize(std::min(to.size(), longest + 1));
    return 0;
}

} // namespace

// A file of its own for every call: nobody else writes to it.
int replace_file(const std::filesystem::path& path, std::string_view text) {
    auto staged = (path.parent_path() / staged_prefix).string() + "XXXXXX";
    const descriptor file(::mkostemp(staged.data(), O_CLOEXEC));
    if (!file)
        return errno;
    if (write_all(file.number(), text) && ::fsync(file.number()) == 0 &&
        ::rename(staged.c_str(), path.c_str()) == 0)
        return sync_folder(path.parent_path());
    const int error = errno;
    ::unlink(staged.c_str());
    return error;
}

file_text read_file(const std::filesystem::path& path, std::size_t longest) {
    file_text found;
    const descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));

    struct stat about {};

    if (!file || ::fstat(file.number(), &about) != 0) {
        found.error = errno;
        return found;
    }
    found.is_regular = S_ISREG(about.st_mode);
    if (found.is_regular)
        found.error = read_all(file.number(), longest, found.text);
    return found;
}

} // namespace iscsid::os
