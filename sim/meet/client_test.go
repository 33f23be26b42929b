package meet

import _ "github.com/pion/webrtc/v4"
